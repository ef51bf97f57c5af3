"""The acts on one article as page and API offer them: words, power, what is asked, what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from pydantic import BaseModel, BeforeValidator, Field

from service.admin import article_acts, article_sending
from service.admin.article_acts import LONGEST_HOLD_MIN, Doer, Told
from service.admin.powers import Power
from service.ledger.refused import N_, Refused
from service.models import Article, ArticleState, Notification, NotificationState


def _plain(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


Line = Annotated[str, BeforeValidator(_plain)]


class ReasonIn(BaseModel):
    """Why; it stands in the log of acts."""

    reason: Line = Field(min_length=1, max_length=200)


class ConfirmedIn(ReasonIn):
    """Of what reaches many, or cannot be taken back."""

    confirm: int = Field(description="The number of the article, once more.")


class HoldIn(ReasonIn):
    """How long news is kept back, from now."""

    minutes: int = Field(ge=1, le=LONGEST_HOLD_MIN)


class NoteIn(ConfirmedIn):
    """What readers are told."""

    note: Line = Field("", max_length=500, description="What readers are told of the reason.")


class FollowIn(NoteIn):
    """Whether readers are told at all."""

    tell: bool = Field(False, description="Tell those who got it.")


class ResendIn(ConfirmedIn):
    """Who gets it again."""

    unknown: bool = Field(False, description="Also to those who may have got it already.")


@dataclass(frozen=True)
class Done:
    """What became of an act: a key of `DONE`, and the job that goes on with it, if any."""

    key: str
    job_id: int | None = None


DONE: dict[str, LazyString] = {
    "held": _("It is held."),
    "released": _("It is on its way."),
    "withdrawn": _("It is withdrawn."),
    "republished": _("It is published again."),
    "waits": _("Its CMS withdrew it too, and can publish it again now."),
    "will_be": _("Those who got it will be told."),
    "nobody": _("It is done. Nobody was told of it, so there is nobody to be told."),
    "forgotten": _("It is done. It is so old that the ledger no longer knows who was told."),
    "approved": _("Your approval is noted. Others must approve it too."),
    "breaks": _("It goes to everybody now."),
    "paused": _("It is paused. What is unsent waits."),
    "resumed": _("It goes on."),
    "cancelled": _("What was unsent stays unsent."),
    "resent": _("It is being sent to those who did not get it."),
    "asked": _("Its text will be classified again."),
    "split": _("It is a story of its own."),
}


@dataclass(frozen=True)
class ActKind:
    """`figures`: which dry run its page shows. `name` is part of its address."""

    name: str
    title: LazyString
    hint: LazyString
    body: type[ReasonIn]
    do: Callable[[Doer, int, Any], Done]
    figures: str = "ledger"
    power: Power = Power.SEND

    @property
    def fields(self) -> frozenset[str]:
        """What its form asks."""
        return frozenset(self.body.model_fields)


def perform(kind: ActKind, doer: Doer, article_id: int, body: ReasonIn) -> Done:
    """Do it.

    Raises:
        Refused: it cannot be done, or was not confirmed.
    """
    if isinstance(body, ConfirmedIn) and body.confirm != article_id:
        text = N_("Type the number of the article, %(number)s, to confirm.")
        raise Refused(text, number=article_id)
    return kind.do(doer, article_id, body)


@dataclass(frozen=True)
class Standing:
    """What decides which acts the page of an article offers."""

    article: Article
    news: Notification | None
    is_paused: bool
    is_classified: bool
    is_linked: bool


def is_possible(kind: ActKind, standing: Standing) -> bool:
    """Whether the page offers it; the act itself looks again."""
    article, news = standing.article, standing.news
    is_public = article.state == ArticleState.PUBLISHED and article.withheld_state is None
    is_held = news is not None and news.state == NotificationState.HELD
    was_released = news is not None and news.released_at is not None
    is_over = news is None or news.state == NotificationState.DONE
    return {
        "hold": is_public and is_held,
        "release": is_public and is_held,
        "approve": is_public and news is not None and news.is_urgent and news.breaks_at is None,
        "pause": is_public and not standing.is_paused,
        "resume": standing.is_paused,
        "correct": is_public and was_released,
        "resend": is_public and was_released,
        "cancel": is_public and not is_over,
        "withdraw": article.withheld_state is None,
        "republish": article.withheld_state is not None,
        "reclassify": not standing.is_classified,
        "split": standing.is_linked,
    }[kind.name]


def _hold(doer: Doer, article_id: int, body: HoldIn) -> Done:
    article_acts.hold(doer, article_id, minutes=body.minutes, reason=body.reason)
    return Done("held")


def _release(doer: Doer, article_id: int, body: ConfirmedIn) -> Done:
    article_acts.release(doer, article_id, reason=body.reason)
    return Done("released")


def _withdraw(doer: Doer, article_id: int, body: FollowIn) -> Done:
    values: dict[str, Any] = {"tell": body.tell, "note": body.note, "reason": body.reason}
    return _followed(article_acts.withdraw(doer, article_id, **values), "withdrawn")


def _republish(doer: Doer, article_id: int, body: FollowIn) -> Done:
    values: dict[str, Any] = {"tell": body.tell, "note": body.note, "reason": body.reason}
    is_back, told = article_acts.republish(doer, article_id, **values)
    return _followed(told, "republished" if is_back else "waits")


def _correct(doer: Doer, article_id: int, body: NoteIn) -> Done:
    told = article_acts.correct(doer, article_id, note=body.note, reason=body.reason)
    return _followed(told, "")


def _followed(told: Told | None, key: str) -> Done:
    return Done(key if told is None else told.value)


def _approve(doer: Doer, article_id: int, body: ConfirmedIn) -> Done:
    missing = article_acts.approve(doer, article_id, reason=body.reason)
    return Done("approved" if missing else "breaks")


def _pause(doer: Doer, article_id: int, body: ReasonIn) -> Done:
    article_sending.pause(doer, article_id, reason=body.reason)
    return Done("paused")


def _resume(doer: Doer, article_id: int, body: ReasonIn) -> Done:
    article_sending.resume(doer, article_id, reason=body.reason)
    return Done("resumed")


def _cancel(doer: Doer, article_id: int, body: ConfirmedIn) -> Done:
    return Done("cancelled", article_sending.cancel(doer, article_id, reason=body.reason))


def _resend(doer: Doer, article_id: int, body: ResendIn) -> Done:
    job_id = article_sending.resend_missing(
        doer, article_id, with_unknown=body.unknown, reason=body.reason
    )
    return Done("resent", job_id)


def _reclassify(doer: Doer, article_id: int, body: ReasonIn) -> Done:
    article_acts.reclassify(doer, article_id, reason=body.reason)
    return Done("asked")


def _split(doer: Doer, article_id: int, body: ReasonIn) -> Done:
    article_acts.split(doer, article_id, reason=body.reason)
    return Done("split")


_KINDS = (
    ActKind(
        "hold",
        _("Hold"),
        _("Nobody is told before the time is over. Others can release it before."),
        HoldIn,
        _hold,
        "whom",
    ),
    ActKind(
        "release",
        _("Release now"),
        _("It goes out at once, whatever hold or wait for review is left."),
        ConfirmedIn,
        _release,
        "whom",
    ),
    ActKind(
        "approve",
        _("Approve as urgent"),
        _("Once enough people approve it, it breaks quiet hours and goes to readers of summaries."),
        ConfirmedIn,
        _approve,
        "whom-breaks",
    ),
    ActKind(
        "pause",
        _("Pause"),
        _("What is unsent waits until it is resumed. News older than a day is not sent any more."),
        ReasonIn,
        _pause,
    ),
    ActKind(
        "resume",
        _("Resume"),
        _("What waited is sent; nothing that was sent is sent again."),
        ReasonIn,
        _resume,
    ),
    ActKind(
        "correct",
        _("Tell a correction"),
        _("Those who got an older text get the newest one as a correction."),
        NoteIn,
        _correct,
    ),
    ActKind(
        "resend",
        _("Resend exactly the missing"),
        _("It goes to those who may be told and did not get it. Who got it gets nothing."),
        ResendIn,
        _resend,
        "missing",
    ),
    ActKind(
        "cancel",
        _("Cancel what is unsent"),
        _("What is not sent yet stays unsent for good. The article stays in the feeds."),
        ConfirmedIn,
        _cancel,
    ),
    ActKind(
        "withdraw",
        _("Withdraw"),
        _("It leaves the feeds and nothing more is sent, whatever its CMS sends."),
        FollowIn,
        _withdraw,
    ),
    ActKind(
        "republish",
        _("Publish again"),
        _("Its newest text comes back to the feeds."),
        FollowIn,
        _republish,
    ),
    ActKind(
        "reclassify",
        _("Classify again"),
        _("For a text that was given up, or was lost on its way."),
        ReasonIn,
        _reclassify,
        "",
    ),
    ActKind(
        "split",
        _("Split from its story"),
        _("It becomes a story of its own. Who was spared it because of another one is told it."),
        ReasonIn,
        _split,
        "",
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}
