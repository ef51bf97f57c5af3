"""Previews of channels by page, API and command line: the message as its service is sent it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from service.cli import cli
from service.models import Article, Notification, Revision
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.channels import add_channel
from tests.integration.town import Town

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ROOMS = {
    "Telegram": "tgram://123456789:abcdefg_hijklmnop/@oda",
    "Discord": "discord://123456789012345678/abcdefghijklmnop",
    "Kanca": "http://127.0.0.1:9/hook",
}
TITLE = "Körfez <b>temiz</b> & *açık* @everyone"
ROOT = "/staff/channels"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With a folder of settings that a test may change."""
    folder = tmp_path / "config"
    shutil.copytree(settings.config_dir, folder)
    return settings.model_copy(update={"config_dir": folder})


def rooms(runtime: Runtime) -> dict[str, int]:
    ids = {}
    with runtime.db.write() as session:
        for name, url in ROOMS.items():
            held = (session, runtime.vault, runtime.settings)
            language = "en" if name == "Discord" else "tr"
            row = add_channel(*held, name=name, url=url, topic_slugs=[], language=language)
            ids[name] = row.id
    return ids


@pytest.fixture
def ids(runtime: Runtime) -> dict[str, int]:
    """A room of each kind, by its name; nothing was published yet."""
    return rooms(runtime)


@pytest.fixture
def article(runtime: Runtime) -> int:
    """One that was released, and a newer one that was not."""
    town = Town(runtime)
    released = town.article(title=TITLE)
    town.planned(released)
    town.article(title="Daha yeni")
    return released


def text_of(page: Any) -> str:
    """What stands in the first preview of a page, as it was sent."""
    start = page.text.index("<pre")
    found = page.text[page.text.index(">", start) + 1 : page.text.index("</pre>", start)]
    return str(found)


def test_before_the_first_article_one_is_made_up(
    ids: dict[str, int], signed_in: Callable[[str], Any]
) -> None:
    viewer = signed_in("viewer")
    page = viewer.get(f"/en{ROOT}/{ids['Telegram']}/preview")
    assert "There is no article yet" in page.text
    assert "Kıyıda bisiklet yolu açıldı" in text_of(page)
    assert "of 4,096 characters" in page.text
    withdrawn = viewer.get(f"/en{ROOT}/{ids['Telegram']}/preview?kind=withdrawal")
    assert "Geri çekildi" in text_of(withdrawn)
    assert "https://" not in text_of(withdrawn)
    assert viewer.get(f"{ROOT}/99/preview").status_code == 404


def test_the_newest_released_article_is_shown_in_the_form_of_its_service(
    runtime: Runtime, ids: dict[str, int], article: int, signed_in: Callable[[str], Any]
) -> None:
    viewer = signed_in("viewer")
    telegram = viewer.get(f"/en{ROOT}/{ids['Telegram']}/preview")
    sent = telegram.text.split("<pre")[2]
    assert f"/en/staff/articles/{article}" in telegram.text
    assert "Daha yeni" not in telegram.text
    assert text_of(telegram).startswith("Körfez &lt;\u2060b&gt;temiz")
    assert "&lt;b&gt;Körfez &amp;lt;\u2060b&amp;gt;temiz" in sent
    discord = text_of(viewer.get(f"{ROOT}/{ids['Discord']}/preview?kind=correction"))
    assert discord.startswith("**Correction: Körfez")
    assert "\\*açık\\*" in discord
    assert text_of(viewer.get(f"{ROOT}/{ids['Discord']}/preview?kind=x")).startswith("**Körfez")


def test_a_webhook_is_shown_its_event(
    ids: dict[str, int], article: int, signed_in: Callable[[str], Any], program: Any
) -> None:
    path = f"{ids['Kanca']}/preview?kind=withdrawal"
    found = program("viewer").get(f"/v1/admin/channels/{path}").json
    event = json.loads(found["text"])
    assert (event["type"], event["data"]["id"]) == ("article.withdrawn", article)
    assert event["data"]["html"] is None
    assert (found["form"], found["longest"], found["unit"]) == ("json", None, "bytes")
    assert '"page": "http://localhost:8080/haber/' in found["text"]
    page = signed_in("viewer").get(f"/en{ROOT}/{path}")
    assert "&#34;article.withdrawn&#34;" in page.text
    assert f"{found['size']:,} bytes" in page.text


def test_a_program_reads_the_same_and_changes_nothing(
    runtime: Runtime, ids: dict[str, int], article: int, program: Callable[..., Any]
) -> None:
    def kept() -> tuple[int | None, ...]:
        with runtime.db.read() as session:
            tables = (Notification, Article, Revision)
            return tuple(session.scalar(select(func.count()).select_from(one)) for one in tables)

    before, key, there = kept(), program("viewer"), f"/v1/admin/channels/{ids['Telegram']}/preview"
    found = key.get(there).json
    assert (found["kind"], found["article"], found["language"]) == ("new", article, "tr")
    assert found["text"].startswith("<b>Körfez")
    assert found["reading"].startswith("Körfez <")
    assert "<a href" not in found["reading"]
    assert (found["longest"], found["problem"]) == (4096, None)
    assert key.get(f"{there}?kind=digest").status_code == 422
    assert key.get("/v1/admin/channels/99/preview").status_code == 404
    assert kept() == before


def test_a_broken_template_of_the_operator_is_said_in_a_sentence(
    runtime: Runtime,
    ids: dict[str, int],
    signed_in: Callable[[str], Any],
) -> None:
    folder = runtime.settings.config_dir / "chat"
    folder.mkdir(exist_ok=True)
    (folder / "article.html").write_text("{{ heading }}")
    page = signed_in("viewer").get(f"/en{ROOT}/{ids['Telegram']}/preview")
    assert "chat/article.html, line 1: UndefinedError: &#39;heading&#39; is undefined" in page.text
    assert "Kıyıda bisiklet yolu açıldı" in text_of(page)


@pytest.mark.usefixtures("command_line")
def test_an_operator_sees_it_too(runtime: Runtime, article: int) -> None:
    rooms(runtime)

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ("channel", "preview", *words))

    shown = run("Discord", "--kind", "correction")
    assert shown.exit_code == 0, shown.output
    assert f"About: article {article}\n" in shown.output
    assert "of 2,000 UTF-16 units\n\n**Correction: " in shown.output
    assert '"type": "article.published"' in run("Kanca").output
    assert run("Yok").exit_code != 0
