"""Small readers of what chat services take: each gives what people see, and fails at what the
service would refuse or show as something that we did not write."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt

TELEGRAM_TAGS = {"b", "a"}
MATRIX_TAGS = {"strong", "a", "p", "br"}
MARKUP_ALIKE = re.compile(
    r"[*`~\[\]|<>\\]|\$\$|(?<!\w)_|_(?!\w)|^[#>+=:!/-]|^\d+[.)]", re.MULTILINE
)
# Where a word joiner is missing, a service would ring somebody or do something.
RINGS = re.compile(
    r"@(?:everyone|here|channel|all|room)\b|(?<![\w.+-])@\w|<[@!#/&]\w|<users/", re.IGNORECASE
)


@dataclass
class Seen:
    """What people see, which addresses the links lead to, and what is bold."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    bold: list[str] = field(default_factory=list)


class _Html(HTMLParser):
    def __init__(self, tags: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.seen = tags, [], Seen()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.tags, tag
        assert [name for name, _ in attrs] == (["href"] if tag == "a" else []), attrs
        if tag == "br":
            self.seen.text += "\n"
            return
        self.open.append(tag)
        if tag == "a":
            self.seen.links.append(attrs[0][1] or "")
        if tag in ("b", "strong"):
            self.seen.bold.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "p":
            self.seen.text += "\n\n"

    def handle_data(self, data: str) -> None:
        self.seen.text += data
        if self.open and self.open[-1] in ("b", "strong"):
            self.seen.bold[-1] += data


def _of_html(text: str, tags: set[str]) -> Seen:
    for entity in re.findall("&[^;]{0,8};?", text):
        assert entity in ("&amp;", "&lt;", "&gt;", "&quot;", "&#x27;"), entity
    parser = _Html(tags)
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return Seen(parser.seen.text.rstrip("\n"), parser.seen.links, parser.seen.bold)


def of_telegram(text: str) -> Seen:
    return _of_html(text, TELEGRAM_TAGS)


def of_matrix(text: str) -> Seen:
    return _of_html(text, MATRIX_TAGS)


def of_markdown(text: str) -> Seen:
    """By a CommonMark parser, with tables and strikethrough as most services have them."""
    seen, is_bold = Seen(), False
    for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        kind = block.type.removesuffix("_open").removesuffix("_close")
        assert kind in ("paragraph", "inline", "bullet_list", "list_item"), (kind, text)
        if block.type == "paragraph_close":
            seen.text += "\n\n"
        for part in block.children or ():
            assert part.type in (
                *("text", "text_special", "softbreak", "hardbreak"),
                *("strong_open", "strong_close", "link_open", "link_close"),
            ), (part.type, text)
            if part.type == "strong_open":
                seen.bold.append("")
            is_bold = part.type == "strong_open" or (is_bold and part.type != "strong_close")
            if part.type == "link_open":
                seen.links.append(str(part.attrs["href"]))
            seen.text += "\n" if part.type.endswith("break") else part.content
            if is_bold:
                seen.bold[-1] += part.content
    seen.text = seen.text.strip("\n")
    return seen


def of_alike(text: str) -> Seen:
    """Zulip and Rocket.Chat: no escapes, so that nothing but ours may be markup at all."""
    seen = Seen()
    bold = re.match(r"\*\*([^*\n]+)\*\*(?=\n|$)", text)
    rest = text
    if bold:
        seen.bold.append(bold[1])
        rest = bold[1] + text[bold.end() :]

    def link(found: re.Match[str]) -> str:
        seen.links.append(found[2])
        return found[1]

    rest = re.sub(r"\[([^\[\]\n]+)\]\(([^()\s]+)\)", link, rest)
    rest = re.sub("^- ", "• ", rest, flags=re.MULTILINE)
    assert not (found := MARKUP_ALIKE.search(re.sub(r"https?://\S+", "", rest))), (found, text)
    seen.text = rest
    return seen


def of_slack(text: str) -> Seen:
    seen = Seen()
    bold = re.match(r"\*([^*\n]+)\*(?=\n|$)", text)
    rest = bold[1] + text[bold.end() :] if bold else text
    if bold:
        seen.bold.append(html.unescape(bold[1]))

    def link(found: re.Match[str]) -> str:
        seen.links.append(html.unescape(found[1]))
        return found[2]

    rest = re.sub(r"<(https?://[^<>|\s]+)\|([^<>\n]+)>", link, rest)
    assert not re.search(r"[<>*`~]|(?<!\w)_|_(?!\w)|^&gt;", rest, re.MULTILINE), text
    assert re.findall("&(?!amp;|lt;|gt;)", rest) == []
    seen.text = html.unescape(rest)
    return seen


def of_text(text: str) -> Seen:
    return Seen(text, re.findall(r"^https?://\S+$", text, re.MULTILINE), [text.split("\n")[0]])


READERS = {
    "telegram": of_telegram,
    "matrix": of_matrix,
    "slack": of_slack,
    "discord": of_markdown,
    "mattermost": of_markdown,
    "teams": of_markdown,
    "rocketchat": of_alike,
    "zulip": of_alike,
    "ntfy": of_text,
    "google-chat": of_text,
    "json": of_text,
}
