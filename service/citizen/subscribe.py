"""The sign-up: topics, districts, how often, how, address; one question a page, without JavaScript.

Every page is an answer to a POST that carries the answers so far, signed: no page needs a cookie.
The last page looks the same for every address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from service.citizen import topic_facts
from service.citizen.answers import (
    CHECK,
    ENDS,
    STEPS,
    Errors,
    errors_of,
    first_gap,
    page_after,
    page_before,
)
from service.citizen.draft import ALL, Draft, Signer
from service.citizen.feed_addresses import Feed, feeds_of
from service.ledger.batches import ring_batch_soon
from service.limits import Limits
from service.models import Frequency, NoticeKind, Place, Topic
from service.pages import language, page_url, runtime
from service.security_headers import keep_private
from service.settings import Settings
from service.subscriptions import abroad, notices
from service.subscriptions.addresses import address_hash, normalise_email
from service.subscriptions.channels import public_channels
from service.subscriptions.choices import all_places, all_topics, offered_places
from service.subscriptions.notices import text_hash
from service.subscriptions.subscribe import Ask, ask

PER_ADDRESS = "4 per minute; 40 per hour"
PER_CLIENT = "100 per hour"

Send = Callable[[Draft], ResponseReturnValue]


def blueprint(limits: Limits, settings: Settings) -> Blueprint:
    """The sign-up's pages, with the limits that keep it from being used against others.

    The cap on all of it comes last, so that what another limit refuses does not use it up.
    """
    part = Blueprint("subscribe", __name__)
    cap = f"{settings.confirmation_mails_per_hour} per hour"
    send = limits.guard(_send, cap, "ask-all", lambda: "")
    send = limits.guard(send, PER_ADDRESS, "ask-address", _address_key)
    send = limits.guard(send, PER_CLIENT, "ask-client")

    @part.get("/subscribe")
    def start() -> Response:
        return page("topics", Draft(topics=tuple(request.args.getlist("topic"))))

    @part.post("/subscribe")
    def answer() -> ResponseReturnValue:
        return _answer()

    @part.get("/check-email")
    def check() -> Response:
        """Whoever loads the last page again: nothing is known of them any more."""
        return make_response(render_template("citizen/check_email.html", email="", sealed=""))

    @part.post("/check-email")
    def finish() -> ResponseReturnValue:
        return _finish(send)

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def page(
    step: str, draft: Draft, errors: Errors | None = None, *, is_stale: bool = False
) -> Response:
    """A page of the sign-up in a state."""
    sentence, held = consent_text(), runtime()
    draft = replace(
        _agreeing(draft, sentence),
        is_checked=draft.is_checked or step == CHECK,
        consent_shown=text_hash(sentence),
    )
    with held.db.read() as database:
        topics, places = all_topics(database), offered_places(database)
        channels = public_channels(database)
        text = render_template(
            f"citizen/subscribe_{step}.html",
            step=step,
            steps=STEPS,
            draft=draft,
            sealed=_signer().seal(draft),
            back=page_before(step, draft),
            errors=errors or {},
            is_stale=is_stale,
            everything=ALL,
            topics=topics,
            places=places,
            channels=channels,
            frequencies=list(Frequency),
            facts=topic_facts.facts(database) if step == "topics" else {},
            feeds=_feeds(draft, topics, places) if step == "feed" else [],
            consent_text=sentence,
            abroad_text=abroad.question(database, held.settings, "email", language()),
            targets_url=_targets_url(),
        )
    return make_response(text)


def _answer() -> ResponseReturnValue:
    step, go = request.form.get("step", ""), request.form.get("go", "next")
    opened = _signer().open(request.form.get("choices", ""))
    if opened is None or step not in (*STEPS, *ENDS, CHECK):
        return redirect(page_url("subscribe.start"), 303)
    before = opened.draft
    draft = _agreeing(before.with_answers(step, request.form), consent_text())
    if opened.is_stale:
        return _again(draft)
    with runtime().db.read() as database:
        errors = errors_of(database, step, draft)
        following = page_after(database, step, draft)
    if go == CHECK:  # what is no answer does not come back to the checked ones
        return page(CHECK, before if errors else draft)
    if go in STEPS:
        return page(go, replace(draft, way="email") if go == "address" else draft)
    return page(step, draft, errors) if errors else page(following, draft)


def _finish(send: Send) -> ResponseReturnValue:
    """The button below the checked answers, and that which sends the link once more."""
    opened = _signer().open(request.form.get("choices", ""))
    if opened is None:
        return redirect(page_url("subscribe.start"), 303)
    sentence = consent_text()
    draft = _agreeing(opened.draft.with_answers(CHECK, request.form), sentence)
    if opened.is_stale:
        return _again(draft)
    with runtime().db.read() as database:
        gap = first_gap(database, draft)
    if gap:
        return page(gap[0], draft, gap[1])
    g.ask_address = normalise_email(draft.email)
    g.consent_text = sentence
    return send(draft)


def _agreeing(draft: Draft, sentence: str) -> Draft:
    """The draft without a consent that was given to another sentence: in another language, or
    before staff published this one."""
    is_this = draft.consent_shown == text_hash(sentence)
    return replace(draft, has_consent=draft.has_consent and is_this)


def _again(draft: Draft) -> Response:
    """Start over with the answers of a page that was open for too long; consent is given anew."""
    return page(
        "topics",
        replace(draft, has_consent=False, has_consent_abroad=False, is_checked=False),
        is_stale=True,
    )


def _send(draft: Draft) -> ResponseReturnValue:
    """Ask for the confirmation; the same steps and the same answer for every address."""
    held = runtime()
    with held.db.write() as database:
        batch = ask(
            database,
            held.vault,
            Ask(
                address=g.ask_address,
                choices=draft.choices(all_topics(database), all_places(database)),
                language=language(),
                consent_text=g.consent_text,
                origin=draft.origin,
                request_id=g.request_id,
                abroad=abroad.Agreement.to(database, held.settings, "email", language()),
            ),
        )
    if batch is not None:
        ring_batch_soon(held.doorbell, batch)
    return make_response(
        render_template(
            "citizen/check_email.html",
            email=g.ask_address,
            sealed=_signer().seal(draft),
            is_again=request.form.get("again") == "yes",
        )
    )


def consent_text() -> str:
    """The sentence that people agree to now; its hash is the proof of which one it was."""
    with runtime().db.read() as database:
        return notices.current(database, NoticeKind.CONSENT, language()).text


def _feeds(draft: Draft, topics: Sequence[Topic], places: Sequence[Place]) -> list[Feed]:
    of_topics = None if draft.topics == (ALL,) else [t for t in topics if t.slug in draft.topics]
    of_places = None if draft.places == (ALL,) else [p for p in places if p.slug in draft.places]
    return feeds_of(of_topics, of_places, is_local_only=draft.is_local_only)


def _targets_url() -> str:
    """Where people add their own chat; empty where this service offers none."""
    return page_url("my_targets.show") if runtime().settings.chat_offer.kinds else ""


def _address_key() -> str:
    return address_hash(runtime().vault, "email", g.ask_address)


def _signer() -> Signer:
    return Signer(runtime().settings)
