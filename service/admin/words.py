"""The words that staff read for states, and the colour that goes with each."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _


@dataclass(frozen=True)
class Word:
    text: LazyString
    tone: str = ""  # good, warn, bad, or plain


ARTICLE = {
    "published": Word(_("Published"), "good"),
    "withdrawn": Word(_("Withdrawn"), "bad"),
}
LABEL = {
    "published": Word(_("Published"), "good"),
    "review": Word(_("In review"), "warn"),
    "dropped": Word(_("Dropped")),
}
REVISION = {
    "received": Word(_("Received"), "warn"),
    "classified": Word(_("Classified"), "good"),
    "quarantined": Word(_("Quarantined"), "bad"),
}
NOTIFICATION = {
    "held": Word(_("Held"), "warn"),
    "released": Word(_("Released"), "warn"),
    "planning": Word(_("Being planned"), "warn"),
    "planned": Word(_("Planned"), "warn"),
    "done": Word(_("Done"), "good"),
    "cancelled": Word(_("Cancelled"), "bad"),
}
KIND = {
    "new": Word(_("New")),
    "correction": Word(_("Correction")),
    "withdrawal": Word(_("Withdrawal")),
    "digest": Word(_("Digest")),
    "summary": Word(_("Summary")),
    "service": Word(_("Service")),
    "feed": Word(_("Feed")),
}
DELIVERY = {
    "planned": Word(_("Planned")),
    "queued": Word(_("Queued"), "warn"),
    "sent": Word(_("Sent"), "good"),
    "deferred": Word(_("Deferred"), "warn"),
    "rejected": Word(_("Rejected"), "bad"),
    "unknown": Word(_("Unknown"), "bad"),
    "suppressed": Word(_("Suppressed")),
    "cancelled": Word(_("Cancelled")),
}
ORIGIN = {
    "classifier": Word(_("Classifier")),
    "source": Word(_("Source")),
    "staff": Word(_("Staff")),
}
ROLE = {
    "viewer": Word(_("Viewer")),
    "reviewer": Word(_("Reviewer")),
    "editor": Word(_("Editor")),
    "channel-manager": Word(_("Channel manager")),
    "privacy-officer": Word(_("Privacy officer")),
    "administrator": Word(_("Administrator")),
}
POWER = {
    "see": Word(_("See all pages that show no address")),
    "review": Word(_("Decide about topics of articles")),
    "send": Word(_("Hold, release, withdraw, send again, pause")),
    "topics": Word(_("Change terms, districts and models")),
    "texts": Word(_("Change letters and brand")),
    "channels": Word(_("Manage channels")),
    "sources": Word(_("Manage sources")),
    "people": Word(_("See and change subscribers")),
    "audit": Word(_("Read the log of acts")),
    "staff": Word(_("Manage accounts and roles")),
}
NOTICE = {
    "notice": Word(_("Privacy notice")),
    "consent": Word(_("Consent to news by email")),
    "abroad": Word(_("Consent to services abroad")),
}
JOB = {
    "queued": Word(_("Queued"), "warn"),
    "running": Word(_("Running"), "warn"),
    "done": Word(_("Done"), "good"),
    "failed": Word(_("Failed"), "bad"),
    "cancelled": Word(_("Cancelled"), "bad"),
}
SUPPRESSION = {
    "hard bounce": Word(_("There is no such mailbox"), "bad"),
    "mailbox disabled": Word(_("The mailbox takes no mail"), "warn"),
    "soft bounces": Word(_("Mail came back again and again"), "warn"),
    "complaint": Word(_("Its reader called our mail spam"), "bad"),
    "asked": Word(_("Its person asked the office")),
}
BOUNCE = {
    "hard": Word(_("No such mailbox"), "bad"),
    "disabled": Word(_("Takes no mail"), "warn"),
    "soft": Word(_("May pass"), "warn"),
    "ours": Word(_("The fault is ours"), "bad"),
    "complaint": Word(_("Complaint"), "bad"),
}
FATE = {
    "sent": Word(_("Sent"), "good"),
    "on its way": Word(_("On its way"), "warn"),
    "waits": Word(_("Waits and is tried again"), "warn"),
    "returned": Word(_("Came back, could not be delivered"), "bad"),
    "failed": Word(_("Could not be delivered"), "bad"),
    "in doubt": Word(_("May have arrived, we got no answer"), "warn"),
    "not sent": Word(_("Not sent")),
}
CONSENT = {
    "asked": Word(_("Asked for")),
    "confirmed": Word(_("Agreed to"), "good"),
    "imported": Word(_("Taken over from another list")),
    "withdrawn": Word(_("Withdrawn")),
}
FREQUENCY = {
    "instant": Word(_("as published")),
    "daily": Word(_("one summary a day")),
    "weekly": Word(_("one summary a week")),
}
IMPORT = {
    "checking": Word(_("Being checked"), "warn"),
    "refused": Word(_("Refused"), "bad"),
    "checked": Word(_("Checked, not stored yet"), "warn"),
    "storing": Word(_("Being stored"), "warn"),
    "stored": Word(_("Stored"), "good"),
    "undoing": Word(_("Being undone"), "warn"),
    "undone": Word(_("Undone")),
    "dropped": Word(_("Dropped")),
    "stopped": Word(_("Stopped"), "bad"),
}
QUESTION = {
    "damaged": Word(_("Damaged text"), "bad"),
    "doubted": Word(_("Readers doubt it"), "warn"),
    "story": Word(_("Told already?"), "warn"),
    "no-topic": Word(_("No topic"), "warn"),
    "uncertain": Word(_("Uncertain topic")),
}
DECISION = {
    "accept": Word(_("Accepted"), "good"),
    "reject": Word(_("Rejected"), "bad"),
    "add": Word(_("Added"), "good"),
    "none": Word(_("About no topic")),
    "release": Word(_("Text released"), "good"),
    "same": Word(_("Same event")),
    "split": Word(_("Not the same event")),
}
MODEL = {
    "candidate": Word(_("Candidate")),
    "active": Word(_("In use"), "good"),
    "retired": Word(_("Replaced")),
}
VERDICT = {
    "accepted": Word(_("Accepted"), "good"),
    "unchanged": Word(_("Unchanged")),
    "ignored": Word(_("Ignored")),
    "quarantined": Word(_("Quarantined"), "bad"),
    "failed": Word(_("Failed"), "bad"),
    "pending": Word(_("Pending"), "warn"),
}
STAGE = {
    "received": Word(_("Received"), "warn"),
    "review": Word(_("In review"), "warn"),
    "held": Word(_("Held"), "warn"),
    "planning": Word(_("Being planned"), "warn"),
    "sending": Word(_("Being sent"), "warn"),
    "quarantined": Word(_("Quarantined"), "bad"),
    "withdrawn": Word(_("Withdrawn"), "bad"),
}
FORECAST = {
    "sent": Word(_("At once"), "good"),
    "quiet": Word(_("After their quiet hours"), "warn"),
    "break": Word(_("Not: on a break")),
    "paused": Word(_("Not: paused")),
    "suppressed": Word(_("Not: address suppressed")),
}
DESTINATION = {
    "email": Word(_("Email")),
    "chat": Word(_("Chat")),
    "websub": Word(_("WebSub")),
}
