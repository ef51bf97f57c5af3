"""`tellal chat`: what messages to chats say, before anybody gets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from service.cli.mail_preview import told_story
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.messages.chat_preview import Shown


@click.group()
def chat() -> None:
    """Look at chat messages, and try their templates."""


@chat.command()
@click.argument("article", type=int)
@click.option("--service", default="text", show_default=True, help="As in config/chat.yaml.")
@click.option("--language", type=click.Choice(["tr", "en"]), default="tr", show_default=True)
@click.option(
    "--kind",
    type=click.Choice(["new", "correction", "withdrawal"]),
    default="new",
    show_default=True,
    help="What the message tells: the article, that it was corrected, or withdrawn.",
)
@click.option("--note", default="", help="What a correction or withdrawal says of its reason.")
def preview(article: int, service: str, language: str, kind: str, note: str) -> None:
    """Show the message about ARTICLE, letter by letter as a service is sent it.

    As in: tellal chat preview 12 --service discord --kind correction --note "Saat 10.00 oldu."
    """
    from service.db import utcnow
    from service.messages.chat_preview import preview as shown_to
    from service.messages.chat_services import chat_services
    from service.messages.webhook_event import article_event
    from service.subscriptions.chat_schemes import WEBHOOKS

    with opened_runtime() as runtime, runtime.db.read() as session:
        config_dir = runtime.settings.config_dir
        services = chat_services(config_dir)
        names = sorted({name for name, _ in services.values()})
        if service not in (*names, *services, "text"):
            raise Refusal(f"there is no service {service}; there are: {', '.join(names)}")
        story = told_story(session, article, kind, note)
        if service in WEBHOOKS:
            at, base_url = story.published_at or utcnow(), runtime.settings.public_url
            event = article_event(story, at, base_url, urgent=story.is_urgent)
            click.echo(json.dumps(event, ensure_ascii=False, indent=2))
            return
    _show(shown_to(story, service, language, config_dir))


@chat.command()
def check() -> None:
    """Try the templates in config/chat with messages of every kind, and say what is wrong."""
    from service.messages.chat_preview import problems

    with opened_runtime() as runtime:
        config_dir = runtime.settings.config_dir
    found = list(problems(config_dir))
    for problem in found:
        click.echo(problem)
    if found:
        raise Refusal(f"{config_dir / 'chat'}: until that is mended, the program's own are used")
    click.echo("Every kind of chat message can be written.")


def _show(shown: Shown) -> None:
    written = shown.written
    if shown.problem:
        click.echo(f"{shown.problem}. The program's own template is used instead:\n", err=True)
    click.echo(f"Service: {written.service}, written as {written.form}")
    click.echo(f"Size: {shown.size:,} of {shown.longest:,} {shown.unit}")
    if written.service == "ntfy":
        tags = ", ".join(written.tags) or "none"
        click.echo(f"Priority: {written.priority}; tags: {tags}; opens: {written.url or 'nothing'}")
    if written.image_url:
        click.echo(f"Image: {written.image_url}")
    click.echo(f"\n{written.text}")
