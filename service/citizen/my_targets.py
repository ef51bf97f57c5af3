"""A person's chats: which there are, adding one, proving it by its code, stopping it.

The person writes a name in a typed field on a server of the city's list, never an address. Naming
a chat that is somebody else's shows the same pages as any other.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from service import pages
from service.citizen.chat_ways import Way, ways
from service.citizen.signed_in import signed_in_only
from service.ledger.batches import ring_batch
from service.limits import Limits
from service.models import Batch, Destination, TargetEnd
from service.pages import language, page_url, runtime
from service.personal_chat import ChatKind, Offer
from service.subscriptions import abroad
from service.subscriptions.abroad import Agreement
from service.subscriptions.chat_addresses import (
    MAX_FIELD,
    ChatAddress,
    ChatAddressError,
    matrix_address,
    ntfy_address,
)
from service.subscriptions.choices import all_places, all_topics
from service.subscriptions.target_claims import (
    Asked,
    Proof,
    claim_chat,
    claim_telegram,
    has_chat,
    has_room,
    open_claim_of,
    prove,
    start_token,
)
from service.subscriptions.target_start import Choice, choices_of
from service.subscriptions.targets import stop_target, targets_of

PER_PERSON = "6 per hour; 20 per day"  # chats that a person may name
PER_CHAT = "3 per hour; 10 per day"  # codes that a chat may get, whoever names it
GUESSES_PER_PERSON = "30 per hour"

Errors = dict[str, str]


def blueprint(limits: Limits) -> Blueprint:
    """The pages under `/my/targets`."""
    part = Blueprint("my_targets", __name__, url_prefix="/my/targets")
    pages.protect_forms(part)

    @part.get("")
    @signed_in_only
    def show() -> Response:
        with runtime().db.read() as session:
            targets = targets_of(session, _subscriber_id(session))
        page = render_template(
            "citizen/my/targets.html",
            targets=targets,
            ways=ways(_offer()),
            done=request.args.get("done"),
        )
        return make_response(page)

    @part.get("/add/<kind>")
    @signed_in_only
    def add(kind: str) -> Response:
        return _form(_way(kind, request.args.get("server", "")))

    @part.post("/add/<kind>")
    @signed_in_only
    def claim(kind: str) -> ResponseReturnValue:
        return _claim(limits, _way(kind, request.form.get("server", "")))

    @part.get("/prove/<int:claim_id>")
    @signed_in_only
    def ask(claim_id: int) -> ResponseReturnValue:
        return _proving(claim_id)

    @part.post("/prove/<int:claim_id>")
    @signed_in_only
    def answer(claim_id: int) -> ResponseReturnValue:
        return _prove(limits, claim_id)

    @part.post("/<int:destination_id>/stop")
    @signed_in_only
    def stop(destination_id: int) -> Response:
        with runtime().db.write() as session:
            person = _subscriber_id(session)
            stop_target(session, destination_id, TargetEnd.PERSON, subscriber_id=person)
        return _to("my_targets.show", done="stopped")

    return part


def _way(kind: str, host: str) -> Way:
    """The way that an address names, the first of its kind where it names no server; or 404."""
    of_kind = [way for way in ways(_offer()) if way.kind == kind and host in ("", way.host)]
    return of_kind[0] if of_kind else abort(404)


def _claim(limits: Limits, way: Way) -> ResponseReturnValue:
    held, offer = runtime(), _offer()
    errors: Errors = {}
    address = _address(offer, way, errors)
    with held.db.read() as session:
        agreement = Agreement.to(session, held.settings, way.kind, language(), way.host)
        if agreement and request.form.get("consent") != "yes":
            errors["consent"] = gettext("Tick the box to give your consent")
        errors = errors or _refusal(session, address)
    if errors:
        return _form(way, errors)
    _count(limits, PER_PERSON, f"target-person:{g.person_id}")
    if address:
        _count(limits, PER_CHAT, f"target-chat:{address.hashed(held.vault)}")
    with held.db.write() as session:
        text_hash = agreement.text_hash if agreement else ""
        asked = Asked(_subscriber_id(session), language(), g.request_id, text_hash)
        if address:
            claim, batch = claim_chat(session, held.vault, asked, address)
        else:
            claim, batch = claim_telegram(session, asked), None
        claim_id = claim.id
    _ring(batch)
    return _to("my_targets.ask", claim_id=claim_id)


def _address(offer: Offer, way: Way, errors: Errors) -> ChatAddress | None:
    """What the fields name; None for Telegram, or with what is wrong in `errors`."""
    text = request.form.get("room", "")[: MAX_FIELD + 1]
    try:
        if way.kind is ChatKind.NTFY:
            return ntfy_address(offer, way.host, text)
        if way.kind is ChatKind.MATRIX:
            return matrix_address(offer, text)
    except ChatAddressError as error:
        errors["room"] = gettext(error.text)
    return None


def _refusal(session: Session, address: ChatAddress | None) -> Errors:
    """What only the person's own list decides."""
    person = _subscriber_id(session)
    if not choices_of(session, person):
        return {"room": gettext("Get news by email first")}
    if address and has_chat(session, runtime().vault, person, address):
        return {"room": gettext("This chat is on your list already")}
    if not has_room(session, person):
        return {"room": gettext("You have five chats. Stop one before you add another.")}
    return {}


def _form(way: Way, errors: Errors | None = None) -> Response:
    held, offer = runtime(), _offer()
    with held.db.read() as session:
        choices = _named(session, choices_of(session, _subscriber_id(session)))
        sentence = abroad.question(session, held.settings, way.kind, language(), way.host)
    page = render_template(
        "citizen/my/target_add.html",
        way=way,
        errors=errors or {},
        choices=choices,
        consent_text=sentence,
        room=request.form.get("room", "")[:MAX_FIELD],
        has_consent=request.form.get("consent") == "yes",
        matrix_user=offer.matrix_user,
        matrix_hosts=offer.matrix_hosts,
    )
    return make_response(page)


def _proving(claim_id: int, errors: Errors | None = None) -> ResponseReturnValue:
    """The page that waits for a code, or for Telegram; a used claim leads on to the list."""
    held, offer = runtime(), _offer()
    with held.db.read() as session:
        claim = open_claim_of(session, claim_id, _subscriber_id(session))
    if claim is not None and claim.used_at is not None:
        return _to("my_targets.show", done="added")
    link = ""
    if claim is not None and claim.kind == ChatKind.TELEGRAM:
        link = f"https://t.me/{offer.telegram_bot}?start={start_token(held.vault, claim)}"
    page = render_template(
        "citizen/my/target_prove.html",
        claim=claim,
        link=link,
        errors=errors or {},
        has_looked="again" in request.args,
    )
    return make_response(page, 200 if claim else 410)


def _prove(limits: Limits, claim_id: int) -> ResponseReturnValue:
    held, typed = runtime(), request.form.get("code", "")
    if not typed.strip():
        return _proving(claim_id, {"code": gettext("Write the code of six digits")})
    _count(limits, GUESSES_PER_PERSON, f"target-guess:{g.person_id}")
    with held.db.write() as session:
        person = _subscriber_id(session)
        proof, batch = prove(
            session, held.vault, held.settings, claim_id, person, typed, g.request_id
        )
    _ring(batch)
    if proof is Proof.WRONG:
        return _proving(claim_id, {"code": gettext("This is not the code. Look at it again.")})
    return _to("my_targets.ask", claim_id=claim_id)


def _named(session: Session, choices: list[Choice]) -> dict[str | None, list[str | None]]:
    """Districts of each topic by name; None: all topics, the whole city."""
    topics = {row.id: row.name(language()) for row in all_topics(session)}
    places = {row.id: row.name for row in all_places(session)}
    found: dict[str | None, list[str | None]] = {}
    for one in choices:
        topic, place = one["topic_id"], one["place_id"]
        found.setdefault(topics[topic] if topic else None, []).append(
            places[place] if place else None
        )
    return found


def _subscriber_id(session: Session) -> int:
    """Who is signed in; 0 for an address of nobody, which has asked for nothing either."""
    found = select(Destination.subscriber_id).where(Destination.id == g.person_id)
    return session.scalar(found) or 0


def _count(limits: Limits, limit: str, key: str) -> None:
    if not limits.allow(limit, key):
        raise TooManyRequests()


def _ring(batch: Batch | None) -> None:
    if batch is not None:
        ring_batch(runtime().doorbell, batch)


def _offer() -> Offer:
    return runtime().settings.chat_offer


def _to(endpoint: str, **values: object) -> Response:
    return redirect(page_url(endpoint, **values), 303)  # type: ignore[return-value]
