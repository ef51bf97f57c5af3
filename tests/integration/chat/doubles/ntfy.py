"""ntfy: https://docs.ntfy.sh/publish/ (as JSON; updating notifications), before 2.16 and since."""

from __future__ import annotations

from typing import Any

from tests.integration.chat.doubles.server import Answer, Asked, Double


def refusal(status: int, code: int, said: str) -> Answer:
    return Answer(status, {"code": code, "http": status, "error": said})


class NtfyDouble(Double):
    def __init__(self) -> None:
        super().__init__()
        self.knows_sequences = True
        self.authorization = ""
        self.said: list[dict[str, Any]] = []

    def url(self, topic: str = "izmir-haber", query: str = "", user: str = "") -> str:
        return f"ntfy://{user}{self.host}/{topic}{query}"

    @property
    def shown(self) -> list[str]:
        """What a phone shows: of each sequence the newest."""
        found = {one.get("sequence_id") or one["id"]: one for one in self.said}
        return [f"{one['title']}\n{one['message']}" for one in found.values()]

    def answer(self, asked: Asked) -> Answer:
        if self.authorization and asked.headers["Authorization"] != self.authorization:
            return refusal(403, 40301, "forbidden")
        number = f"id{len(self.said)}"
        message = {"id": number, "event": "message", "message": "triggered", **asked.body}
        if not self.knows_sequences:
            message.pop("sequence_id", None)  # a field that an old server does not know
        self.said.append(message)
        return Answer(200, message)
