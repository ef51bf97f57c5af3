"""Whether the bytes of a feed are what the specification of its format asks for.

Rules of RSS 2.0 and the RSS Board's profile, of RFC 4287 with the grammar of its appendix B, of
RFC 5005, RFC 6721 and JSON Feed 1.1, and those that readers in use make necessary. Where
TELLAL_FEEDVALIDATOR names a checkout of w3c/feedvalidator, `tests.feed_rules.w3c` asks it too.
"""

from __future__ import annotations

from tests.feed_rules.atom import atom_findings
from tests.feed_rules.json_feed import json_findings
from tests.feed_rules.rss import rss_findings
from tests.feed_rules.xml import Findings, parsed

__all__ = ["findings"]


def findings(body: bytes) -> list[str]:
    """What is wrong with a feed: one line each, which begins with the name of the rule."""
    if body.lstrip()[:1] == b"{":
        return json_findings(body)
    found: Findings = []
    root = parsed(body, found)
    if root is None:
        return found
    if root.tag == "rss":
        rss_findings(root, body, found)
    else:
        atom_findings(root, found)
    return found
