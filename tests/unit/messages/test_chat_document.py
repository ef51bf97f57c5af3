"""The examples of docs/chat.md are what services are sent."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from service.messages.chat import about
from service.messages.chat_dialects import DIALECTS
from service.messages.chat_paper import ChatPaper
from service.messages.chat_preview import sample
from service.messages.chat_services import chat_services

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "chat.md").read_text("utf-8")
PAPER = ChatPaper(ROOT / "config")
TITLE = "Kıyı *yolu* <açıldı> & @everyone [x](https://bad.example)"
LANGUAGES = {"telegram": "html", "matrix": "html"}
SHOWN = ("telegram", "matrix", "slack", "discord", "zulip", "ntfy")


def examples() -> str:
    """The examples as the document has them."""
    message = about(replace(sample("correction"), title=TITLE), "en", PAPER)
    blocks = []
    for name in SHOWN:
        written = message.written(name)
        blocks.append(f"{name}:\n\n```{LANGUAGES.get(name, 'text')}\n{written.text}\n```\n")
    return "\n".join(blocks)


def test_the_examples_are_what_is_sent():
    shown = re.search("<!-- examples -->\n(.*?)<!-- end of examples -->", DOCUMENT, re.DOTALL)

    assert shown is not None
    assert shown[1].strip() == examples().strip()


def test_the_title_of_the_examples_is_the_one_that_the_document_names():
    assert f"`{TITLE}`" in DOCUMENT


def test_the_table_says_the_limits_of_the_settings():
    limits = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([\d,]+) \|", DOCUMENT, re.MULTILINE)
    told = {
        name.split(" (")[0].lower().replace(".", ""): int(n.replace(",", "")) for name, n in limits
    }

    assert told["any other"] == PAPER.rules("gotify")[1]
    for name in DIALECTS.keys() - {"json"}:
        assert told[name.replace("-", " ")] == PAPER.rules(name)[1], name


def test_the_table_says_the_rates_of_the_settings():
    rows = [line.strip("|").split("|") for line in DOCUMENT.splitlines() if line.count("|") == 8]
    told = {
        row[0].strip().lower().replace(".", ""): tuple(cell.strip() for cell in row[5:])
        for row in rows
    }

    for name, rules in chat_services(ROOT / "config").values():
        if name in DIALECTS.keys() - {"json"}:
            rates = tuple(
                f"{rate.messages}/{rate.seconds}" if rate else ""
                for rate in (rules.service, rules.target)
            )
            assert told[name.replace("-", " ")] == rates, name
