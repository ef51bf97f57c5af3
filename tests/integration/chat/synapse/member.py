"""Somebody in a room, with a client of their own: it sees what other clients of Matrix see."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any
from urllib.parse import quote

import requests

API = "/_matrix/client/v3"
_numbers = itertools.count(1)


class Member:
    """Makes rooms, joins them, and reads on where it stopped."""

    def __init__(self, origin: str, name: str, token: str) -> None:
        self.origin, self.name, self.token = origin, name, token
        self.events: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.invited: list[str] = []
        self._since = ""

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, api: str = API
    ) -> dict[str, Any]:
        answer = requests.request(
            method,
            f"{self.origin}{api}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=10,
        )
        assert answer.ok, f"{method} {path}: {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def make_room(self, **more: Any) -> tuple[str, str]:
        """A new room that everybody may enter: its id and its alias."""
        alias = f"haber{next(_numbers)}"
        body = {"preset": "public_chat", "room_alias_name": alias, **more}
        return self.ask("POST", "/createRoom", body)["room_id"], f"#{alias}"

    def join(self, room: str) -> None:
        self.ask("POST", f"/join/{quote(room, safe='')}", {})

    def act(self, room: str, act: str, who: Member) -> None:
        """invite, kick or ban somebody."""
        self.ask("POST", f"/rooms/{quote(room)}/{act}", {"user_id": who.name})

    def set_state(self, room: str, kind: str, content: dict[str, Any]) -> None:
        self.ask("PUT", f"/rooms/{quote(room)}/state/{kind}", content)

    def state(self, room: str, kind: str) -> dict[str, Any]:
        return self.ask("GET", f"/rooms/{quote(room)}/state/{kind}")

    def read(self, room: str = "") -> list[dict[str, Any]]:
        """Sync; all messages, and what follows them up, of a room from the beginning."""
        found = self.ask("GET", f"/sync?timeout=0&since={self._since}" if self._since else "/sync")
        self._since = found["next_batch"]
        rooms = found.get("rooms", {})
        self.invited += rooms.get("invite", {})
        for one, what in rooms.get("join", {}).items():
            self.events[one] += what["timeline"]["events"]
        kinds = ("m.room.message", "m.room.redaction")
        return [event for event in self.events[room] if event["type"] in kinds]

    def shown(self, room: str) -> list[str]:
        """What a client shows of a room: the last text of each message that is not redacted."""
        texts: dict[str, str] = {}
        senders: dict[str, str] = {}
        for event in self.read(room):
            content, number = event["content"], event["event_id"]
            relation = content.get("m.relates_to", {})
            if event["type"] == "m.room.redaction":
                texts.pop(event.get("redacts") or content["redacts"], None)
            elif relation.get("rel_type") == "m.replace":
                original = relation["event_id"]
                if original in texts and senders[original] == event["sender"]:
                    texts[original] = content["m.new_content"]["body"]
            elif "body" in content:  # else it was redacted before we came
                texts[number], senders[number] = content["body"], event["sender"]
        return list(texts.values())

    def kept(self, room: str) -> str:
        """All that the homeserver still gives out of a room, edits included."""
        found = self.ask("GET", f"/rooms/{quote(room)}/messages?dir=b&limit=100")
        return str(found["chunk"])

    def latest(self, room: str, event: str) -> str:
        """The text of an event, as the relations of Matrix have it by now."""
        found = self.ask("GET", f"/rooms/{quote(room)}/event/{quote(event)}")
        changed = found["unsigned"]["m.relations"]["m.replace"]
        return str(changed["content"]["m.new_content"]["body"])
