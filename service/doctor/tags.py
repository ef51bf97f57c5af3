"""Records of the form `v=DKIM1; k=rsa; p=…` (RFC 6376, section 3.2; RFC 7489, section 6.4)."""

from __future__ import annotations


class TagError(ValueError):
    """The record is no list of tags; the text shows where."""


def parse_tags(record: str) -> dict[str, str]:
    """The tags in their order, names in lower case.

    Raises:
        TagError: a part has no `=`, or a tag is there twice.
    """
    tags: dict[str, str] = {}
    for part in record.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not name:
            raise TagError(f"{part.strip()[:40]!r} is no tag")
        if name in tags:
            raise TagError(f"the tag {name[:40]} is there twice")
        tags[name] = value.strip()
    return tags
