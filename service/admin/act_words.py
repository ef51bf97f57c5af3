"""What staff did, in words, and the page of what it was done to: the log as people read it."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from service.models import AuditEntry, HaltScope
from service.pages import page_url

WORDS: dict[str, LazyString] = {
    "alarm.clear": _("Alarm closed"),
    "archive.import": _("Archive imported"),
    "article.approve": _("Urgent article approved"),
    "article.correct": _("Correction sent"),
    "article.count-readers": _("Readers of an article counted"),
    "article.hold": _("Article held"),
    "article.reclassify": _("Article sent to be classified again"),
    "article.release": _("Article released"),
    "article.republish": _("Article published again"),
    "article.rewrite-archives": _("Archives of the feeds rewritten"),
    "article.who": _("Asked whether one address was told"),
    "article.withdraw": _("Article withdrawn"),
    "audit.export": _("Log of acts downloaded"),
    "audit.search": _("Log searched by an address"),
    "channel.add": _("Channel added"),
    "channel.change": _("Channel changed"),
    "channel.drop": _("New address of a channel dropped"),
    "channel.offer": _("New address of a channel to be tested"),
    "channel.pause": _("Channel paused"),
    "channel.remove": _("Channel removed"),
    "channel.replay": _("Events of a webhook sent again"),
    "channel.resume": _("Channel resumed"),
    "channel.secret": _("Secret of a webhook made"),
    "channel.swap": _("Address of a channel replaced"),
    "channel.test": _("Test sent to a channel"),
    "channel.try-again": _("Channel tried again"),
    "deliveries.cancel": _("Sending cancelled"),
    "deliveries.pause": _("Sending paused"),
    "deliveries.resend-missing": _("Sent again to who missed it"),
    "deliveries.resume": _("Sending resumed"),
    "deliveries.search": _("Deliveries searched by an address"),
    "batch.retry": _("Batch begun again"),
    "batch.retry-all": _("All batches begun again"),
    "batch.discard": _("Batch put away"),
    "text.retry": _("Text begun again"),
    "text.retry-all": _("All texts begun again"),
    "text.discard": _("Text put away"),
    "plan.retry": _("Plan begun again"),
    "plan.retry-all": _("All plans begun again"),
    "plan.discard": _("Plan put away"),
    "journal.retry": _("Journal begun again"),
    "journal.retry-all": _("All journals begun again"),
    "journal.discard": _("Journal put away"),
    "event.retry": _("Event begun again"),
    "event.retry-all": _("All events begun again"),
    "event.discard": _("Event put away"),
    "hub.end": _("Subscriber of the hub ended"),
    "import.check": _("List sent to be checked"),
    "import.drop": _("Import dropped"),
    "import.store": _("Import stored"),
    "import.undo": _("Import undone"),
    "job.cancel": _("Job cancelled"),
    "job.download": _("Result of a job downloaded"),
    "job.resume": _("Job resumed"),
    "key.add": _("API key made"),
    "key.revoke": _("API key revoked"),
    "model.promote": _("Model put to use"),
    "model.rollback": _("Earlier model put back"),
    "model.train": _("Training asked for"),
    "notice.publish": _("Notice published"),
    "place.add": _("District added"),
    "place.change": _("District changed"),
    "place.rollback": _("Earlier districts put back"),
    "review.accept": _("Topic accepted"),
    "review.add": _("Topic added"),
    "review.none": _("Said to be about no topic"),
    "review.reject": _("Topic rejected"),
    "review.release": _("Text let out of quarantine"),
    "review.undo": _("Decision taken back"),
    "source.add": _("Source added"),
    "source.change": _("Source changed"),
    "source.open-event": _("Event of a source opened"),
    "source.pull": _("Fetching of a source changed"),
    "source.pull-news": _("Found articles taken as news"),
    "source.pull-archive": _("Found articles taken as archive"),
    "source.pull-pause": _("Fetching paused"),
    "source.pull-resume": _("Fetching resumed"),
    "source.pull-now": _("Fetching asked for"),
    "source.replay": _("Event taken in again"),
    "source.rotate": _("Secret of a source renewed"),
    "staff.activate": _("Account opened again"),
    "staff.add": _("Account added"),
    "staff.break-glass": _("Account for emergencies made"),
    "staff.deactivate": _("Account ended"),
    "staff.end-sessions": _("Sessions ended"),
    "staff.language": _("Language chosen"),
    "staff.link": _("Link for a first password made"),
    "staff.password": _("Password chosen"),
    "staff.recovery-code": _("Recovery code used"),
    "staff.recovery-codes": _("Recovery codes made"),
    "staff.reset-second-factor": _("Second factor taken away"),
    "staff.roles": _("Roles changed"),
    "staff.second-factor": _("Second factor set up"),
    "staff.sign-in": _("Signed in"),
    "staff.sign-out": _("Signed out"),
    "staff.topics": _("Topics of an account changed"),
    "story.keep": _("Said to be the same event"),
    "story.split": _("Said to be another event"),
    "subscriber.end": _("Subscriptions of a person ended"),
    "subscriber.erase": _("Person erased"),
    "subscriber.export": _("Data of a person downloaded"),
    "subscriber.look": _("Person looked up"),
    "subscriber.resend": _("Confirmation sent again"),
    "subscriber.sign-in-link": _("Sign-in link sent"),
    "suppression.add": _("Address suppressed"),
    "suppression.lift": _("Suppression lifted"),
    "suppression.look": _("Suppression looked up"),
    "template.discard": _("Draft of a letter dropped"),
    "template.draft": _("Draft of a letter made"),
    "template.publish": _("Letter published"),
    "topic.apply": _("Topics taken from the file"),
    "topic.discard": _("Draft of topics dropped"),
    "topic.draft": _("Draft of topics made"),
    "topic.publish": _("Topics published"),
    "topic.rollback": _("Earlier topics put back"),
}
# The page that shows what an act was done to, by the first half of the act's name.
_PAGES = {
    "article": ("articles.show", "article_id"),
    "channel": ("channels.show", "channel_id"),
    "job": ("jobs.show", "job_id"),
    "notice": ("notices.show", "notice_id"),
    "import": ("imports.show", "import_id"),
    "source": ("sources.show", "source_id"),
    "staff": ("accounts.show", "staff_id"),
}
_OF_ARTICLES = ("review", "story", "article")
_SCOPES = {HaltScope.ARTICLE.value: "article", HaltScope.CHANNEL.value: "channel"}


def said(act: str) -> LazyString | str:
    """An act in words; one that an older version wrote keeps its name."""
    return WORDS.get(act, act)


def page_of(entry: AuditEntry) -> str | None:
    """The address of the page of what the act was done to, where there is one."""
    noun = entry.act.partition(".")[0]
    if entry.act == "review.undo":
        return None  # its number is that of a decision
    if noun == "deliveries":
        noun = _SCOPES.get(str(entry.detail.get("scope")), "")
        if entry.act == "deliveries.resend-missing":
            noun = "article"
    noun = "article" if noun in _OF_ARTICLES else noun
    if noun not in _PAGES or entry.object_id is None:
        return None
    endpoint, name = _PAGES[noun]
    return page_url(endpoint, **{name: entry.object_id})
