"""The chats of people: the request is made from typed fields and the settings, right before it
leaves, and a chat that is gone ends for its person alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import SQLAlchemyError

from service.db import utcnow
from service.ledger.lease import Row
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.messages.chat import ChatMessage, about, code_message, welcome, with_way_out
from service.messages.chat_paper import chat_paper
from service.messages.story import Story
from service.models import (
    ChatClaim,
    ChatTarget,
    DeliveryState,
    Destination,
    Notification,
    TargetEnd,
)
from service.personal_chat import ChatKind, Offer
from service.runtime import Runtime
from service.subscriptions import abroad
from service.subscriptions.chat_addresses import ChatAddress
from service.subscriptions.target_claims import CODE, code_of
from service.subscriptions.target_start import WELCOME
from service.subscriptions.targets import stop_target
from workers.chat.answers import without_secrets
from workers.chat.bringing import Bringer
from workers.chat.gate import Gate
from workers.chat.lists import list_message, stories_of
from workers.chat.matrix import MatrixOfPeople
from workers.chat.providers import Provider, Receipt, provider_of

log = get_logger(__name__)

# What says that a chat is gone or wants nothing from us. 401 (and Telegram's 404) speaks of the
# city's own account: that must not end everybody's targets.
GONE = {
    ChatKind.NTFY: frozenset({"403", "404", "410"}),
    ChatKind.MATRIX: frozenset({"403", "404", "410"}),
    ChatKind.TELEGRAM: frozenset({"403", "410"}),
}
OURS = {
    ChatKind.NTFY: frozenset({"401"}),
    ChatKind.MATRIX: frozenset({"401"}),
    ChatKind.TELEGRAM: frozenset({"401", "404"}),
}
OFF = Outcome(DeliveryState.SUPPRESSED, "off", "this kind of chat or its server is switched off")
ENDED = Outcome(DeliveryState.SUPPRESSED, "ended", "its person has stopped it")
UNASKED = Outcome(DeliveryState.SUPPRESSED, "abroad", "its person did not agree to that provider")
LATE = Outcome(DeliveryState.CANCELLED, "late", "what it would say is over")


class PersonalChats:
    """Sends to people's chats what one slice of a batch tells. Nothing of a target is kept from one
    message to the next."""

    def __init__(
        self, runtime: Runtime, bringer: Bringer, gate: Gate, notification: Notification
    ) -> None:
        self._runtime, self._offer = runtime, runtime.settings.chat_offer
        self._bringer, self._gate = bringer, gate
        self._paper = chat_paper(runtime.settings.config_dir)
        self._template = str(notification.payload.get("template", ""))
        self._claim_id = int(notification.payload.get("claim_id", 0))
        self._told: dict[tuple[str, ChatKind], ChatMessage] = {}

    def send(self, row: Row, story: Story | None, on_wire: Callable[[], None]) -> Outcome:
        """Send one message to one person's chat."""
        destination_id = row["destination_id"]
        with self._runtime.db.read() as session:
            target = session.get(ChatTarget, destination_id)
            claim = session.get(ChatClaim, self._claim_id) if self._template == CODE else None
            stories = stories_of(session, row)
        if target is None or not target.sealed_address:
            return ENDED
        address = ChatAddress.unsealed(self._runtime.vault, target.sealed_address)
        if not address.is_offered(self._offer):
            return OFF
        if self._template != CODE and not self._may_leave(destination_id, address):
            return UNASKED
        message = self._message(row, address.kind, story, stories, claim)
        if message is None:
            return LATE
        only = None if stories else story
        with self._gate.at_chat(self._offer, address) as visit:
            enter = visit.entering(on_wire)
            outcome = self._bring(address, message, destination_id, only, enter).outcome
            visit.note(outcome)
        if outcome.detail and outcome.state != DeliveryState.SENT:  # then they are our own words
            outcome = replace(outcome, detail=self._masked(outcome.detail, address))
        if outcome.state == DeliveryState.REJECTED and outcome.code in OURS[address.kind]:
            log.error("the city's chat account was refused", kind=address.kind, code=outcome.code)
            return Outcome(DeliveryState.DEFERRED, outcome.code, "the city's account was refused")
        if outcome.state == DeliveryState.REJECTED and outcome.code in GONE[address.kind]:
            with suppress(SQLAlchemyError):  # the answer counts more; the next one ends it
                self._end(destination_id)
        return outcome

    def _may_leave(self, destination_id: int, address: ChatAddress) -> bool:
        """Whether nothing goes abroad, or its person agreed. A code is what they have asked for."""
        with self._runtime.db.read() as session:
            hashed = session.get_one(Destination, destination_id).address_hash
            settings = self._runtime.settings
            return abroad.may_send(session, settings, address.kind, hashed, address.host)

    def _message(
        self,
        row: Row,
        kind: ChatKind,
        story: Story | None,
        gathered: list[Story],
        claim: ChatClaim | None,
    ) -> ChatMessage | None:
        language = row["language"]
        if self._template == CODE:
            if claim is None or claim.used_at is not None or claim.expires_at <= utcnow():
                return None
            return code_message(code_of(self._runtime.vault, claim), language, self._paper)
        if gathered:
            more, settings = row["letter"].more, self._runtime.settings
            message = list_message(settings, "summary_heading", gathered, more, language)
        elif story is not None:
            if (language, kind) not in self._told:  # the same to everybody
                told = about(story, language, self._paper)
                self._told[language, kind] = self._with_way_out(told, row, kind)
            return self._told[language, kind]
        elif self._template == WELCOME:
            message = welcome(language, self._paper)
        else:
            return None
        return self._with_way_out(message, row, kind)

    def _with_way_out(self, message: ChatMessage, row: Row, kind: ChatKind) -> ChatMessage:
        page = self._page("/my/targets", row["language"])
        by_word = kind is ChatKind.TELEGRAM
        return with_way_out(message, page, row["language"], by_word=by_word)

    def _page(self, path: str, language: str) -> str:
        prefix = self._runtime.settings.brand.prefix(language)
        return f"{self._runtime.settings.public_url}{prefix}{path}"

    def _bring(
        self,
        address: ChatAddress,
        message: ChatMessage,
        destination_id: int,
        story: Story | None,
        on_wire: Callable[[], None],
    ) -> Receipt:
        provider: Provider
        if address.kind is ChatKind.MATRIX:
            provider, url = MatrixOfPeople(self._runtime.vault, self._offer, address), ""
        else:
            url = apprise_url(self._offer, address)
            provider = provider_of(url.partition("://")[0])
        return self._bringer.bring(provider, url, message, destination_id, story, on_wire)

    def _masked(self, said: str, address: ChatAddress) -> str:
        """What a service said, without the name of its person's chat or the city's token."""
        url = "" if address.kind is ChatKind.MATRIX else apprise_url(self._offer, address)
        return without_secrets(without_secrets(said, url), f"://{address.room}")

    def _end(self, destination_id: int) -> None:
        with self._runtime.db.write() as session:
            ended = stop_target(session, destination_id, TargetEnd.GONE)
        if ended:
            log.warning("personal chat is gone", destination_id=destination_id)


def apprise_url(offer: Offer, address: ChatAddress) -> str:
    """The one URL of an ntfy topic or a Telegram chat. Each part is quoted, though its grammar
    holds nothing that could end it."""
    room = quote(address.room, safe="")
    if address.kind is ChatKind.TELEGRAM:
        return f"tgram://{quote(offer.telegram_token, safe=':')}/{room}/?preview=no&image=no"
    origin = urlsplit(offer.ntfy[address.host])
    scheme = "ntfys" if origin.scheme == "https" else "ntfy"
    token = f"{quote(offer.ntfy_token, safe='')}@" if offer.ntfy_token else ""
    auth = "&auth=token" if token else ""
    return f"{scheme}://{token}{origin.netloc}/{room}?mode=private&image=no{auth}"
