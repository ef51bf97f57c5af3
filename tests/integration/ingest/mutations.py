"""Bodies that no CMS should send: real ones with some of their values replaced by nasty ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

ARTICLE = {
    "spec": "tellal.article/1",
    "id": "58150",
    "state": "published",
    "url": "https://www.example.bel.tr/haber/58150",
    "title": "Körfez için iklim eylem planı",
    "summary": "Karbon salımı azalacak.",
    "body_html": "<p>Plan <a href='https://www.example.bel.tr/'>bugün</a> kabul edildi.</p>",
    "language": "tr",
    "published_at": "2026-11-23T10:00:00+03:00",
    "updated_at": "2026-11-23T10:00:00+03:00",
    "sections": ["İklim"],
    "tags": ["SECAP", "Körfez"],
    "places": ["beydag"],
    "image": {"url": "https://www.example.bel.tr/a.jpg", "alt": "Körfez"},
    "urgent": False,
    "commercial": False,
    "notify_update": False,
    "change_note": None,
}
NASTY = (
    *(None, True, False, 0, -1, 7, 1.5, 1e308, -0.0, 10**30, 2**63, -(2**63) - 1),
    *("", " ", "\n\n\n\n", "0", "null", "true", "[]", "published", "withdrawn", "draft"),
    *("\x00", "a\x00b", "\x1b[31m", "\x7f\x80\x9f", "\u200b\u2060", "\ufeff", "\ufffe\uffff"),
    *("\u202eters", "\ud83d", "\udc00\ud800", "👩‍👩‍👧", "I\u0307", "e\u0301" * 200, "\u0344" * 99),
    *("\ufffd\ufffd b\ufffdy\ufffdk", "?zmir B?y?k?ehir", "Ä°zmir", "İıŞşĞğ" * 20),
    *("x" * 300, "x" * 301, "ü" * 1001, "x " * 3000),
    *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "//evil.example"),
    *("data:text/html,<script>alert(1)</script>", "file:///etc/passwd", "http://[::1", "https://"),
    *(
        "https://izmir.bel.tr@evil.example/",
        "https://a\\@b.tr/",
        "https://ş..tr/",
        "http://x:99999",
    ),
    *("https://a.tr/\n", "https://a.tr/" + "x" * 2000, "https://xn--a.tr/", "https://１.tr/"),
    *("0000-00-00 00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    *("2026-02-30", "2026-11-23T25:00:00Z", "1e400", "99999999999999999999", "2026-11-23"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
    *('<a href="jav&#x0a;ascript:alert(1)">a</a>', "<a href='data:text/html,x'>a</a>", "<!--"),
    *("<style>*{}</style><p style='x:y'>a", "<p>" * 500, "<b>" * 500, "&#0;&#x1f;&#xd800;&lt;b"),
    *("<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1&gt;'>",),
    *("</p></div>]]>", "<iframe src=//evil>", "<form action=x><input>", "<base href=//evil>"),
    *([], [[]], [None], [1, "a", {}], ["x"] * 51, ["x" * 101], [[[[[[[[]]]]]]]]),
    *({}, {"": ""}, {"__proto__": {}}, {"id": {"id": 1}}, {"tr": "a", "en": "b"}, {"a": [{}]}),
)

Path = tuple[str | int, ...]

TEXTS = tuple(one for one in NASTY if isinstance(one, str))

# By their numbers: in full they would make a failure's report longer than any screen.
_nasty = st.integers(0, len(NASTY) - 1).map(lambda number: copy.deepcopy(NASTY[number]))
_texts = st.integers(0, len(TEXTS) - 1).map(lambda number: TEXTS[number]) | st.text(max_size=40)
_atoms = _nasty | st.text(max_size=20) | st.integers() | st.floats(allow_nan=False)
_values = st.one_of(
    _texts,
    _atoms,
    st.lists(_atoms, max_size=3),
    st.dictionaries(st.text(max_size=8), _atoms, max_size=3),
)


ACTS = ("set", "set", "set", "set", "drop", "list", "deep")


class Body(bytes):
    """Bytes whose failure report fits a screen."""

    def __repr__(self) -> str:
        return f"{bytes(self[:2000])!r}"


def mutated(base: dict[str, Any]) -> st.SearchStrategy[Body]:
    """The document with one to three of its places set, removed, repeated or nested.

    Two of three changes put another text for a sentence: most others only end in a refusal.
    """
    places = list(_paths(base))
    paths = [path for path, _ in places]
    sentences = [path for path, value in places if isinstance(value, str) and " " in value]
    anything = st.tuples(st.sampled_from(paths), st.sampled_from(ACTS), _values)
    sentence = st.tuples(st.sampled_from(sentences or paths), st.just("set"), _texts)
    change = st.integers(0, 2).flatmap(lambda number: sentence if number else anything)
    return st.builds(
        lambda changes, is_ascii: _bytes(_changed(base, changes), is_ascii),
        st.lists(change, min_size=1, max_size=3),
        st.booleans(),
    )


def _paths(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(node, dict):
        items = list(node.items())
    elif isinstance(node, list):
        items = list(enumerate(node))
    for key, value in items:
        yield (*path, key), value
        yield from _paths(value, (*path, key))


def _changed(base: dict[str, Any], changes: list[tuple[Path, str, Any]]) -> dict[str, Any]:
    document = copy.deepcopy(base)
    for path, act, value in changes:
        *way, last = path
        node: Any = document
        try:
            for key in way:
                node = node[key]
            if act == "drop":
                del node[last]
            elif act == "list":
                node[last] = [node[last], value]
            elif act == "deep":
                for _ in range(40):
                    value = [value]
                node[last] = value
            else:
                node[last] = value
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    return document


def _bytes(document: dict[str, Any], is_ascii: bool) -> Body:
    """Half a character stays one: as an escape, or as bytes that are no UTF-8."""
    return Body(json.dumps(document, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass"))
