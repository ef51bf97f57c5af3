"""XML and HTML of foreign sites, parsed so that no document can harm: entities are not followed,
nothing is loaded, and trees are bounded in size and depth."""

from __future__ import annotations

import html
import re
from typing import Any, TypeAlias

from lxml import etree
from lxml import html as lxml_html

from service.ingest.decoding import decode

Element: TypeAlias = Any  # lxml has no types of its own

MAX_TAGS = 40_000  # a large news page has 5,000
_XML_OWN = {"amp", "lt", "gt", "quot", "apos"}
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,8}));?")
_HIDDEN = ("script", "style", "noscript", "template", "iframe", "svg")


class MarkupError(ValueError):
    """The document is not what it should be; the text says in what way."""


def parse_xml(content: bytes, charset: str | None = None) -> Element:
    """The root of an XML document; what is broken is skipped, as browsers do.

    Raises:
        MarkupError: no root, too many tags, or entities of its own, which no feed needs.
    """
    text = _without_html_entities(decode(content, charset))
    _check_size(text)
    parser = etree.XMLParser(
        **{"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False},
        **{"recover": True, "encoding": "utf-8", "remove_comments": True, "remove_pis": True},
    )
    try:
        root = etree.fromstring(_plain(text), parser)
    except (etree.LxmlError, ValueError) as error:
        raise MarkupError("it is no XML") from error
    if root is None:
        raise MarkupError("it is no XML")
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and next(dtd.iterentities(), None) is not None:
        raise MarkupError("it declares entities of its own")
    return root


def parse_html(text: str) -> Element:
    """The root of a page, without what no reader sees.

    Raises:
        MarkupError: empty, or too many tags.
    """
    _check_size(text)
    parser = lxml_html.HTMLParser(
        **{"encoding": "utf-8", "no_network": True, "huge_tree": False},
        **{"remove_comments": True, "remove_pis": True},
    )
    try:
        root = lxml_html.document_fromstring(_plain(text), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise MarkupError("the page is empty") from error
    for element in list(root.iter(*_HIDDEN)):
        element.drop_tree()
    return root


def words(element: Element | None) -> str:
    """The text inside, on one line; empty for no element."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def local_name(element: Element) -> str:
    """The tag without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace(element: Element) -> str:
    """The tag's namespace; empty for none."""
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def _without_html_entities(text: str) -> str:
    """`&nbsp;` and `&uuml;` are HTML's; in XML they would vanish, and the letter with them."""

    def character(found: re.Match[str]) -> str:
        return found[0] if found[1] in _XML_OWN else html.unescape(found[0])

    return _ENTITY.sub(character, text)


def _check_size(text: str) -> None:
    if text.count("<") > 2 * MAX_TAGS:
        raise MarkupError(f"it has over {MAX_TAGS} tags")


def _plain(text: str) -> bytes:
    """UTF-8 without what no XML may hold, written out or as a reference: the parser would stop at
    NUL, and a tree that holds others cannot be changed."""
    text = _REFERENCE.sub(_valid_reference, _DECLARATION.sub("", text))
    return _INVALID.sub(" ", text).encode("utf-8", "replace")


def _valid_reference(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    return found[0] if code <= 0x10FFFF and not _INVALID.match(chr(code)) else " "
