"""A homeserver: https://spec.matrix.org/latest/client-server-api/ (login, joining, sending, errors,
event replacements)."""

from __future__ import annotations

from typing import Any

from tests.integration.chat.doubles.server import Answer, Asked, Double

TOKEN = "syt_city_token"
ROOM, ALIAS = "!haber:home.example", "#haber:home.example"


def refusal(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, {"errcode": code, "error": "No @ayse:home.example here", **more})


class MatrixDouble(Double):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.sign_ins = {TOKEN}, 0
        self.events: dict[str, dict[str, Any]] = {}  # number of an event to its content
        self.sent: dict[tuple[str, str], str] = {}  # device and transaction to the event

    def url(self, room: str = "%23haber:home.example", who: str = TOKEN, query: str = "") -> str:
        return f"matrix://{who}@{self.host}/{room}{query}"

    @property
    def shown(self) -> list[str]:
        """What a client shows: each message as it was replaced last."""
        found: dict[str, str] = {}
        for number, content in self.events.items():
            relation = content.get("m.relates_to")
            if relation is None:
                found[number] = content.get("body", "")
            elif found.get(relation["event_id"]):
                found[relation["event_id"]] = content["m.new_content"]["body"]
        return [text for text in found.values() if text]

    def _edits_of(self, event: str) -> list[str]:
        relations = {number: one.get("m.relates_to", {}) for number, one in self.events.items()}
        return [number for number, one in relations.items() if one.get("event_id") == event]

    def redact(self, number: str) -> None:
        self.events[number] = {}

    def answer(self, asked: Asked) -> Answer:
        what = asked.path.removeprefix("/_matrix/client/v3/").removeprefix("/_matrix/client/v1/")
        if what == "login":
            if asked.body["password"] != "pw":
                return refusal(403, "M_FORBIDDEN")
            self.sign_ins += 1
            self.tokens -= {one for one in self.tokens if one.startswith("signed-in")}
            self.tokens.add(token := f"signed-in-{self.sign_ins}")  # of the same device
            return Answer(200, {"access_token": token, "user_id": "@bot:home.example"})
        token = asked.headers["Authorization"].removeprefix("Bearer ")
        if token not in self.tokens:
            return refusal(401, "M_UNKNOWN_TOKEN")
        if what == "account/whoami":
            return Answer(200, {"user_id": "@bot:home.example"})
        kind, _, rest = what.partition("/")
        if kind == "join":
            known = rest in (ROOM, ALIAS)
            return Answer(200, {"room_id": ROOM}) if known else refusal(404, "M_NOT_FOUND")
        room, _, rest = rest.partition("/")
        assert room == ROOM
        if rest.startswith("event/"):
            content = self.events.get(rest.removeprefix("event/"))
            found = {"type": "m.room.message", "content": content}
            return refusal(404, "M_NOT_FOUND") if content is None else Answer(200, found)
        if rest.startswith("relations/"):
            event = rest.removeprefix("relations/").partition("/")[0]
            return Answer(200, {"chunk": [{"event_id": one} for one in self._edits_of(event)]})
        if rest.startswith("redact/"):
            self.redact(rest.removeprefix("redact/").partition("/")[0])
            return Answer(200, {"event_id": "$redaction"})
        device = token.partition("-")[0]
        transaction = rest.removeprefix("send/m.room.message/")
        number = self.sent.setdefault((device, transaction), f"$event{len(self.sent)}")
        self.events.setdefault(number, asked.body)
        return Answer(200, {"event_id": number})
