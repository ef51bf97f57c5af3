"""How each chat service wants its text written: what it takes for markup, bold, links, and how it
counts.

A backslash is trusted where the service documents it. Slack, Rocket.Chat and Zulip have none, or
not for all: there a character that could be markup gives way to one that looks like it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from service.messages.chat_services import Form
from service.messages.chat_text import URL, WORD_JOINER, octets, utf16_units


class Markup(str):
    """Text that is written in a service's form already, and is not escaped again."""

    __slots__ = ()


Escape = Callable[[str], str]

_IN_URL = re.compile(r"[()*_~`|\[\]<>\\{}$'\"]")
_MARKDOWN = re.compile(r"[\\`*_~|\[\]<$]|&(?=#?\w+;)")
_MARKDOWN_START = re.compile(r"^(?=[#>+=-])", re.MULTILINE)
# What begins a heading, a list, a quotation, a rule or a command, where a line begins.
_LINE_START = re.compile(r"^(?=[#>+=:!/-])", re.MULTILINE)
_NUMBERED = re.compile(r"^(\d{1,9})(?=[.)])", re.MULTILINE)
_ALIKE = str.maketrans("*`~[]|<>", "∗ˋ∼［］¦‹›")
_EDGE = re.compile(r"(?<!\w)_|_(?!\w)|(?<=_)_")  # an underscore inside a word is no markup
_TAG = re.compile(r"<[^>]*>")


def _around_urls(text: str, escape: Escape, of_url: Escape) -> str:
    """Escape a text, but for the addresses in it: those stay addresses."""
    pieces, at = [], 0
    for found in URL.finditer(text):
        pieces += [escape(text[at : found.start()]), of_url(found[0])]
        at = found.end()
    return "".join([*pieces, escape(text[at:])])


def _inert(url: str) -> str:
    """An address without characters that could be markup: they mean the same as %5F and so on."""
    return _IN_URL.sub(lambda found: f"%{ord(found[0]):02X}", url)


def _markdown(text: str) -> str:
    def escape(part: str) -> str:
        return _MARKDOWN.sub(r"\\\g<0>", part)

    escaped = _around_urls(text, escape, _inert)
    return _NUMBERED.sub(r"\1\\", _MARKDOWN_START.sub(r"\\", escaped))


def _alike(text: str) -> str:
    def escape(part: str) -> str:
        part = _EDGE.sub("ˍ", part.translate(_ALIKE)).replace("$$", f"${WORD_JOINER}$")
        return part.replace("\\", "⧵")

    return _at_line_starts(_around_urls(text, escape, _inert))


def _slack(text: str) -> str:
    def escape(part: str) -> str:
        part = _EDGE.sub(
            "ˍ", part.translate({ord(c): a for c, a in zip("*`~", "∗ˋ∼", strict=True)})
        )
        return html.escape(part, quote=False)

    # Slack shows a line that begins with &gt; as a quotation.
    marked = re.sub(r"^(?=>)", WORD_JOINER, text, flags=re.MULTILINE)
    return _around_urls(marked, escape, lambda url: html.escape(_inert(url), quote=False))


def _at_line_starts(text: str) -> str:
    return _NUMBERED.sub(rf"\1{WORD_JOINER}", _LINE_START.sub(WORD_JOINER, text))


def _markdown_link(label: str, url: str) -> str:
    return f"[{label}]({_inert_target(url)})"


def _inert_target(url: str) -> str:
    return re.sub(
        r"[()\\<>`*_\[\]|]", lambda found: quote(found[0], safe="").replace("_", "%5F"), url
    )


def _slack_link(label: str, url: str) -> str:
    return f"<{html.escape(url, quote=False).replace('|', '%7C')}|{label}>"


def _html_link(label: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{label}</a>'


def _paragraphs(text: str) -> str:
    """HTML with its blank lines as paragraphs: Matrix shows a line end as a space."""
    found = [part.strip("\n") for part in text.split("\n\n")]
    return "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in found if part)


def _same(text: str) -> str:
    return text


def _seen(text: str) -> str:
    """What readers see of HTML."""
    return html.unescape(_TAG.sub("", text))


@dataclass(frozen=True)
class Dialect:
    """One service's way to write. `longest`: what one message may have where `config/chat.yaml`
    says nothing, as `size` counts it."""

    name: str
    form: Form
    schemes: tuple[str, ...] = ()
    longest: int = 1_500
    escape: Escape = _same
    bold: str = ""
    link: Callable[[str, str], str] | None = None
    size: Callable[[str], int] = len
    finish: Escape = _same

    @property
    def suffix(self) -> str:
        """The end of its templates' names."""
        return {Form.MARKDOWN: "md", Form.MRKDWN: "mrkdwn", Form.HTML: "html"}.get(self.form, "txt")

    @property
    def unit(self) -> str:
        """What `size` counts, in a word."""
        return {len: "characters", octets: "bytes"}.get(self.size, "UTF-16 units")

    @property
    def has_title_inside(self) -> bool:
        """Whether templates write the title: in plain text it stands before what they write."""
        return self.suffix != "txt"

    def strong(self, text: str) -> Markup:
        """A text in bold; of HTML `bold` is the tag."""
        escaped = text if isinstance(text, Markup) else self.escape(text)
        if not escaped or not self.bold:
            return Markup(escaped)
        if self.form is Form.HTML:
            return Markup(f"<{self.bold}>{escaped}</{self.bold}>")
        return Markup(f"{self.bold}{escaped}{self.bold}")

    def linked(self, label: str, url: str) -> Markup:
        """A link; where the form has none, what it is called and the address below it."""
        escaped = label if isinstance(label, Markup) else self.escape(label)
        if not url:
            return Markup(escaped)
        if self.link is None:
            return Markup(f"{escaped}\n{url}".strip())
        return Markup(self.link(escaped or self.escape(url), url))


def _of_markdown(name: str, *schemes: str, longest: int, **more: object) -> Dialect:
    common = {"escape": _markdown, "bold": "**", "link": _markdown_link, **more}
    return Dialect(name, Form.MARKDOWN, schemes, longest, **common)  # type: ignore[arg-type]


def _escaped_html(text: str) -> str:
    return html.escape(text, quote=False)


# The names are those of `config/chat.yaml`. Teams and Google count bytes of the whole request.
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "telegram",
            Form.HTML,
            ("tgram",),
            4_096,
            escape=_escaped_html,
            bold="b",
            link=_html_link,
            size=lambda text: utf16_units(_seen(text)),
        ),
        Dialect(
            "matrix",
            Form.HTML,
            ("matrix", "matrixs"),
            16_000,
            escape=_escaped_html,
            bold="strong",
            link=_html_link,
            size=octets,
            finish=_paragraphs,
        ),
        Dialect(
            "slack",
            Form.MRKDWN,
            ("slack",),
            2_900,
            escape=_slack,
            bold="*",
            link=_slack_link,
            size=utf16_units,
        ),
        _of_markdown("discord", "discord", longest=2_000, size=utf16_units),
        _of_markdown("mattermost", "mmost", "mmosts", longest=3_800),
        _of_markdown("teams", "workflows", "workflow", longest=6_000, size=octets),
        _of_markdown(
            "rocketchat", "rocket", "rockets", longest=4_800, escape=_alike, size=utf16_units
        ),
        _of_markdown("zulip", "zulip", longest=9_500, escape=_alike),
        Dialect("ntfy", Form.TEXT, ("ntfy", "ntfys"), 3_800, size=octets),
        Dialect("google-chat", Form.TEXT, ("gchat",), 3_800, size=octets),
        Dialect("json", Form.TEXT, ("json", "jsons"), 8_000),
    )
}
_BY_SCHEME = {scheme: dialect for dialect in DIALECTS.values() for scheme in dialect.schemes}
# A service that an operator adds: written as its form says, counted as strictly as any.
_BY_FORM = {
    Form.TEXT: Dialect("", Form.TEXT, size=octets),
    Form.MARKDOWN: _of_markdown("", longest=1_500, size=octets),
    Form.MRKDWN: Dialect("", Form.MRKDWN, escape=_slack, bold="*", link=_slack_link, size=octets),
    Form.HTML: Dialect("", Form.HTML, escape=_escaped_html, bold="b", link=_html_link, size=octets),
}


def dialect_of(name: str, form: Form | None = None) -> Dialect:
    """The way to write to a service, by its name or one of its schemes; plain text to a stranger.

    `form`: what `config/chat.yaml` says of it; where that is not the service's own, it counts.
    """
    found = DIALECTS.get(name) or _BY_SCHEME.get(name)
    if found is not None and form in (None, found.form):
        return found
    return replace(_BY_FORM[form or Form.TEXT], name=name)
