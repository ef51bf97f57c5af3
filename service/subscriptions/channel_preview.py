"""What a channel would be sent now about the newest article, before anybody gets it."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.messages.chat_preview import preview, sample
from service.messages.chat_services import Form
from service.messages.story import Story, tell
from service.messages.webhook_event import article_event
from service.models import Article, ArticleState, Channel, Notification, NotificationKind
from service.settings import Settings
from service.subscriptions.channels import options_of_channel
from service.subscriptions.chat_schemes import WEBHOOK

_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
_END = re.compile(r"</(?:p|h[1-6])>")
_BREAK = re.compile(r"<br ?/?>|</li>")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class ChannelPreview:
    """A message as a channel would be sent it. `article_id` is null of a made-up article.

    `text` is what its service is sent, `reading` what people see of it: the same, but for HTML. Of
    a webhook both are the event's JSON. `size` of `longest` in `unit`, as the service counts; an
    event has no limit. `problem` says in a sentence what is wrong with the operator's template.
    """

    kind: str
    article_id: int | None
    language: str
    form: str
    text: str
    reading: str
    size: int
    longest: int | None
    unit: str
    problem: str = ""


def preview_for(
    session: Session, settings: Settings, channel: Channel, kind: str
) -> ChannelPreview:
    """The newest article that was released, in the form and language of a channel; where there is
    none, a made-up one. `kind`: one of `chat_preview.KINDS`."""
    story = _newest(session, kind) or sample(kind)
    language = options_of_channel(session, channel.id).language
    article_id = story.article_id or None
    if channel.scheme == WEBHOOK:
        at = story.published_at or utcnow()
        event = article_event(story, at, settings.public_url, urgent=story.is_urgent)
        text = json.dumps(event, ensure_ascii=False, indent=2)
        size = len(orjson.dumps(event))
        return ChannelPreview(kind, article_id, language, "json", text, text, size, None, "bytes")
    shown = preview(story, channel.scheme, language, settings.config_dir)
    text, form = shown.written.text, shown.written.form
    return ChannelPreview(
        kind=kind,
        article_id=article_id,
        language=language,
        form=form.value,
        text=text,
        reading=_as_read(text) if form is Form.HTML else text,
        size=shown.size,
        longest=shown.longest,
        unit=shown.unit,
        problem=shown.problem,
    )


def _newest(session: Session, kind: str) -> Story | None:
    """The article that was released last and may still be seen."""
    article = session.scalars(
        select(Article)
        .join(Notification, Notification.article_id == Article.id)
        .where(Notification.released_at.is_not(None), Article.state == ArticleState.PUBLISHED)
        .where(Article.shown_revision_id.is_not(None), Article.withheld_state.is_(None))
        .order_by(Notification.id.desc())
        .limit(1)
    ).first()
    if article is None:
        return None
    made_up = Notification(
        kind=NotificationKind(kind),
        article_id=article.id,
        payload={"note": ""},
        is_urgent=article.is_urgent,
    )
    return tell(session, made_up)


def _as_read(text: str) -> str:
    """HTML without its tags: a link's address follows its words."""
    text = _BREAK.sub("\n", _END.sub("\n\n", _LINK.sub(r"\2: \1", text)))
    return html.unescape(_TAG.sub("", text)).strip()
