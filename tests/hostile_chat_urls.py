"""The table of addresses that nobody may add as a channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

PATH = Path(__file__).parent / "data" / "hostile_chat_urls.yaml"


@dataclass(frozen=True)
class Hostile:
    """One address; `says`: what is in the sentence that refuses it."""

    group: str
    url: str
    says: str
    shown: str


def hostile_urls() -> Iterator[Hostile]:
    for group in yaml.safe_load(PATH.read_text("utf-8")):
        for row in group["urls"]:
            url, times = row["url"], row.get("times", 0)
            shown = f"{url}{row['then']}… ({times:,} times)" if times else url
            yield Hostile(group["group"], url + row.get("then", "") * times, row["says"], shown)


def table(refusals: dict[str, str]) -> str:
    """The table of docs/chat-addresses.md. `refusals`: what was said of each address."""
    lines, group = [], ""
    for one in hostile_urls():
        if one.group != group:
            group = one.group
            lines += ["", f"### {group}", "", "|address|refusal|", "|---|---|"]
        shown = "".join(map(_seen, one.shown)).replace("|", "\\|")
        lines.append(f"|`{shown}`|{refusals[one.url]}|")
    return "\n".join(lines) + "\n"


def _seen(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()
