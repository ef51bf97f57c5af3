"""The words for what goes on at this moment: stages, queues, alarms, what is given up, pauses."""

from __future__ import annotations

from datetime import datetime

from flask_babel import format_decimal, format_time, format_timedelta, gettext
from flask_babel import lazy_gettext as _

from service.admin.words import Word
from service.ledger.given_up import Given
from service.ledger.pipeline import Stage
from service.models import AlarmKind, CanaryKind, HaltScope, JobState, PullAlarm
from service.tasks import Queue

STAGE = {
    Stage.RECEIVED: _("Waiting to be classified"),
    Stage.QUARANTINED: _("In quarantine"),
    Stage.REVIEW: _("In review"),
    Stage.HELD: _("Held until its time"),
    Stage.PLANNING: _("Being planned"),
    Stage.SENDING: _("Being sent"),
}
TONE = {
    "good": Word(_("In time"), "good"),
    "warn": Word(_("Slow"), "warn"),
    "bad": Word(_("Too slow"), "bad"),
}
QUEUE = {
    Queue.TRANSACTIONAL: _("Confirmations and sign-in links"),
    Queue.URGENT: _("Urgent news"),
    Queue.INGEST: _("New texts"),
    Queue.FANOUT: _("Planning"),
    Queue.EMAIL: _("Emails"),
    Queue.CHAT: _("Chats"),
    Queue.WEBSUB: _("Feeds"),
    Queue.DIGEST: _("Digests"),
    Queue.PULL: _("Fetching"),
    Queue.MAINTENANCE: _("Jobs and upkeep"),
}
ALARM = {
    AlarmKind.BATCH_GIVEN_UP: _("A batch was given up"),
    AlarmKind.REVISION_GIVEN_UP: _("A text could not be classified"),
    AlarmKind.PLAN_FAILS: _("News cannot be planned"),
    AlarmKind.LEDGER_WRONG: _("The ledger does not add up"),
    AlarmKind.JOURNAL_STUCK: _("A journal cannot be settled"),
    AlarmKind.MAIL_REFUSED: _("A domain refuses our mail"),
    AlarmKind.MAIL_COMPLAINTS: _("Readers call our mail spam"),
    AlarmKind.BREAK_GLASS: _("The account for emergencies was used"),
    AlarmKind.TEMPLATE_BROKEN: _("A template of the letters is broken"),
    AlarmKind.MANY_LOOKS: _("One account looks up very many addresses"),
    AlarmKind.REVIEW_WAITS: _("The review waits too long"),
    AlarmKind.CHANNEL_PAUSED: _("A channel paused itself"),
    AlarmKind.CANARY_SILENT: _("A canary did not hear the news"),
}
# The same as `service.ledger.alarms.HOW_TO_MEND` says on the command line, for a page.
MEND = {
    AlarmKind.BATCH_GIVEN_UP: _(
        "The log of the worker says what killed it. Once that is mended, retry it under Given up: "
        "only those who were not told are told."
    ),
    AlarmKind.REVISION_GIVEN_UP: _(
        "The article waits in quarantine. Retry it under Given up, or have its CMS send it again."
    ),
    AlarmKind.PLAN_FAILS: _(
        "An error of the program, or a broken row: see the log. It is tried again once an hour."
    ),
    AlarmKind.JOURNAL_STUCK: _(
        "An error of the program: see the log. Keep the file in the folder “journal”: it says who "
        "was told, and a version that can read it will settle it."
    ),
    AlarmKind.MAIL_COMPLAINTS: _(
        "See which news it was, and whether those addresses were rightly imported. Nothing but "
        "urgent news goes there until you clear this."
    ),
    AlarmKind.MAIL_REFUSED: _(
        "Check SPF, DKIM, DMARC and block lists. Nobody is suppressed for it while this is live; "
        "clear it once that is mended, or the mailboxes are really gone."
    ),
    AlarmKind.BREAK_GLASS: _(
        "Ask who signed in and why, see in the log of acts what was done, change the password of "
        "that account, then clear this."
    ),
    AlarmKind.TEMPLATE_BROKEN: _(
        "Letters go out by the program’s own template meanwhile. Mend or take back the one that is "
        "named, under Letters: that clears this."
    ),
    AlarmKind.MANY_LOOKS: _(
        "Ask whoever it is what for; the log of acts has each look. Where there is no good reason, "
        "take the role away; then clear this."
    ),
    AlarmKind.REVIEW_WAITS: _(
        "Decide what waits under Review. This clears itself within an hour after that."
    ),
    AlarmKind.CHANNEL_PAUSED: _(
        "Its service refuses us. Its page has the answer and what was not sent: give it a new "
        "address, or try again. This clears itself once the channel goes on."
    ),
    AlarmKind.LEDGER_WRONG: _(
        "Run “tellal audit”. The next audit that finds nothing clears this by itself."
    ),
    AlarmKind.CANARY_SILENT: _(
        "The alarm says where the news got stuck. It clears itself once the canary hears of an "
        "article."
    ),
}
GIVEN = {
    Given.BATCH: _("Batches"),
    Given.TEXT: _("Texts"),
    Given.PLAN: _("Plans"),
    Given.JOURNAL: _("Journals"),
    Given.EVENT: _("Events"),
}
GIVEN_ONE = {
    Given.BATCH: _("Batch"),
    Given.TEXT: _("Text"),
    Given.PLAN: _("Plan"),
    Given.JOURNAL: _("Journal"),
    Given.EVENT: _("Event"),
}
GIVEN_HINT = {
    Given.BATCH: _(
        "Deliveries that could not be sent, whoever took them. A retry sends them as news of now "
        "to those who were not told; a discard leaves them untold."
    ),
    Given.TEXT: _(
        "Texts that could not be classified. A retry begins with all tries anew; a discard leaves "
        "the text in quarantine, and nobody is told."
    ),
    Given.PLAN: _(
        "News whose planning fails again and again. A retry tries at once; a discard tells nobody "
        "else."
    ),
    Given.JOURNAL: _(
        "What a worker that died left behind, and nobody could read. Every sweep tries again; a "
        "discard only puts the alarm away."
    ),
    Given.EVENT: _(
        "What a CMS sent and its preset did not fit. A retry reads it again by today’s preset; a "
        "discard ignores it."
    ),
}
SCOPE = {
    HaltScope.ALL: _("Everything"),
    HaltScope.ARTICLE: _("One article"),
    HaltScope.TOPIC: _("One topic"),
    HaltScope.CHANNEL: _("One channel"),
    HaltScope.LANE: _("One mail lane"),
}
LEVEL = {
    "ok": Word(_("Right"), "good"),
    "note": Word(_("Note")),
    "wrong": Word(_("Wrong"), "bad"),
    "unseen": Word(_("Not known"), "warn"),
}
CANARY = {
    CanaryKind.EMAIL: _("Email"),
    CanaryKind.CHAT: _("Chat"),
    CanaryKind.FEED: _("Feed"),
}
JOB = {
    JobState.QUEUED: Word(_("Queued"), "warn"),
    JobState.RUNNING: Word(_("Running"), "good"),
}
PULL = {
    PullAlarm.EMPTIED: _("Its listing is nearly empty"),
    PullAlarm.QUIET: _("Nothing new for too long"),
    PullAlarm.UNREADABLE: _("Its listing cannot be read"),
}


def age(since: datetime | None, now: datetime) -> str:
    """How long something has waited, in words; nothing where nothing waits."""
    if since is None:
        return ""
    return str(format_timedelta(max((now - since).total_seconds(), 0), threshold=1.2))


def clock(now: datetime) -> str:
    """The time of day, with its seconds."""
    return str(format_time(now, "HH:mm:ss"))


def many(count: int, is_more: bool) -> str:
    """A count to a limit."""
    number = str(format_decimal(count))
    return gettext("more than %(number)s", number=number) if is_more else number


def span(seconds: float) -> str:
    """A length of time in words."""
    return str(format_timedelta(seconds, threshold=1.2))
