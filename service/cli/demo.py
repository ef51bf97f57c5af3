"""`tellal demo`: post the sample article to the running service and show the way it takes."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from service.cli import demo_scene
from service.cli.chat_receiver import ChatReceiver
from service.cli.opened import opened_runtime
from service.cli.post import send
from service.cli.refusal import Refusal
from service.cli.up import local_url

if TYPE_CHECKING:
    from service.runtime import Runtime
    from service.settings import Settings

PATIENCE_S = 30.0
LOOK_EVERY_S = 0.02
EXIT_INCOMPLETE = 1


@dataclass
class _Journey:
    """What has been seen so far, in milliseconds since the article was sent."""

    started: float = field(default_factory=time.monotonic)
    times: dict[str, float | None] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)

    def mark(self, stage: str, detail: str, at: float | None = None) -> None:
        elapsed = (at or time.monotonic()) - self.started
        self.times[stage], self.details[stage] = round(elapsed * 1000, 1), detail


@click.command()
def demo() -> None:
    """Post the sample article to the running `tellal up` and show its way, with times.

    Adds a source `demo`, a subscriber demo@tellal.example and a chat room that this command is
    itself. May be run as often as one likes.
    """
    with opened_runtime() as runtime, ChatReceiver() as chat:
        settings = runtime.settings
        base = local_url(settings)
        _require_ready(base)
        mark = f"{datetime.now(ZoneInfo(settings.timezone)):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        secret = demo_scene.prepare_source(runtime)
        demo_scene.take_back_earlier(runtime)
        demo_scene.prepare_subscriber(runtime)
        channel_id = demo_scene.open_channel(runtime, mark, chat.url)
        try:
            journey = _follow(runtime, base, secret, demo_scene.article(settings, mark), mark, chat)
        finally:
            demo_scene.close_channel(runtime, channel_id)
    _print_table(journey, mark)
    missing = [stage for stage in _stages(settings) if stage not in journey.times]
    if missing:
        raise SystemExit(_complain(missing))


def _follow(
    runtime: Runtime, base: str, secret: str, body: bytes, mark: str, chat: ChatReceiver
) -> _Journey:
    """Post, then look at every end until all has arrived or patience is over."""
    journey = _Journey()
    answer = send(base, demo_scene.SOURCE, secret, body)
    if answer.status != 202:
        raise Refusal(f"the article was answered with {answer.status}: {answer.body}")
    journey.mark("accepted", f"article {answer.body.get('article_id')}, HTTP 202")
    status_url = f"{base}{_path_of(str(answer.body['status_url']))}"
    looks: dict[str, Callable[[], str | tuple[str, float] | None]] = {
        "classified": lambda: _topics(_get_json(status_url)),
        "released": lambda: _released(_get_json(status_url)),
        "feed": lambda: _feed_item(f"{base}/feeds/{demo_scene.TOPIC}.rss", mark),
        "email": lambda: demo_scene.mail_with(runtime, mark),
        "chat": lambda: chat.message_with(mark),
    }
    wanted = [stage for stage in _stages(runtime.settings) if stage in looks]
    deadline = journey.started + PATIENCE_S
    while wanted and time.monotonic() < deadline:
        for stage in list(wanted):
            found = looks[stage]()
            if found:
                wanted.remove(stage)
                journey.mark(stage, *((found,) if isinstance(found, str) else found))
        time.sleep(LOOK_EVERY_S)
    return journey


def _stages(settings: Settings) -> list[str]:
    """With a mail host of one's own the mail goes there, and nobody here sees it arrive."""
    own_host = bool(settings.smtp_url.get_secret_value())
    return ["accepted", "classified", "released", "feed", *(["email"] * (not own_host)), "chat"]


def _topics(status: dict[str, Any]) -> str | None:
    if not status.get("classified_at"):
        return None
    lines = []
    for topic in status.get("topics", []):
        words = dict.fromkeys(str(e["text"]) for e in topic.get("evidence", []))
        shown = ", ".join(f"“{word}”" for word in list(words)[:3])
        lines.append(f"{topic['slug']} {topic['score']:.2f} ({topic['state']}): {shown}")
    return "\n".join(lines) or "no topic"


def _released(status: dict[str, Any]) -> str | None:
    notification = status.get("notification") or {}
    if not notification.get("released_at"):
        return None
    return f"notification is {notification['state']}"


def _feed_item(url: str, mark: str) -> str | None:
    return url if mark in _get(url).decode("utf-8", "replace") else None


def _get_json(url: str) -> dict[str, Any]:
    try:
        found = json.loads(_get(url))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310  our own service
            return bytes(reply.read())
    except OSError:
        return b""  # seen again at the next look, or missed at the end


def _path_of(url: str) -> str:
    """The service gives its public address; here it is asked on this machine."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _require_ready(base: str) -> None:
    try:
        with urllib.request.urlopen(f"{base}/health/ready", timeout=5):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        raise Refusal(f"the service at {base} is not ready ({error.code}); see its log") from error
    except OSError as error:
        raise Refusal(f"nothing answers at {base}; start it with `make run` first") from error


def _print_table(journey: _Journey, mark: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"The way of the sample article, run {mark}", title_justify="left")
    table.add_column("stage")
    table.add_column("after ms", justify="right")
    table.add_column("seen", overflow="fold")
    for stage, elapsed in journey.times.items():
        table.add_row(stage, f"{elapsed:.0f}", journey.details[stage])
    Console().print(table)
    reported = ("accepted", "classified", "feed", "email", "chat")
    report = {f"{stage}_ms": journey.times.get(stage) for stage in reported}
    report["total_ms"] = max(t for t in journey.times.values() if t is not None)
    click.echo(json.dumps(report))


def _complain(missing: list[str]) -> int:
    text = f"after {PATIENCE_S:.0f} s nothing was seen of: {', '.join(missing)}"
    if "chat" in missing:
        text += "; chat needs TELLAL_ALLOW_PRIVATE_HOSTS=127.0.0.1 there, as `make run` sets it"
    click.echo(f"tellal: {text}; look into the logs in var/log", err=True)
    return EXIT_INCOMPLETE
