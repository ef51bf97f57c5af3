"""The Bot API: https://core.telegram.org/bots/api (making requests, errors, the three methods)."""

from __future__ import annotations

from typing import Any

from tests.integration.chat.doubles.server import Answer, Asked, Double

TOKEN = "123456789:AAEabcdefghijklmnopqrstuvwxyz012345"
CHAT = -1001234567890
LONGEST = 4096


def refusal(code: int, said: str, **parameters: int) -> Answer:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": said}
    if parameters:
        body["parameters"] = parameters
    return Answer(code, body)


class TelegramDouble(Double):
    def __init__(self) -> None:
        super().__init__()
        self.chats: dict[int | str, int] = {CHAT: CHAT, "@izmir_haber": CHAT}
        self.moved: dict[int, int] = {}
        self.shown: dict[int, str] = {}  # number of a message to its text
        self.old: set[int] = set()  # which nobody may delete or edit any more
        self.count = 40

    def url(self, chat: int | str = CHAT, query: str = "") -> str:
        return f"tgram://{TOKEN}/{chat}/{query}"

    def answer(self, asked: Asked) -> Answer:
        token, _, method = asked.path.removeprefix("/bot").partition("/")
        if token != TOKEN:
            return refusal(401, "Unauthorized")
        said = asked.body
        if said["chat_id"] in self.moved:
            return refusal(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.moved[said["chat_id"]],
            )
        chat = self.chats.get(said["chat_id"])
        if chat is None:
            return refusal(400, "Bad Request: chat not found")
        methods = {
            "sendMessage": self._send,
            "editMessageText": self._edit,
            "deleteMessage": self._delete,
        }
        return methods[method](chat, said)

    def _send(self, chat: int, said: dict[str, Any]) -> Answer:
        if len(said["text"].encode("utf-16-le")) // 2 > LONGEST:
            return refusal(400, "Bad Request: message is too long")
        self.count += 1
        return self._show(self.count, chat, said["text"])

    def _edit(self, chat: int, said: dict[str, Any]) -> Answer:
        number = said["message_id"]
        if number not in self.shown:
            return refusal(400, "Bad Request: message to edit not found")
        if number in self.old:
            return refusal(400, "Bad Request: message can't be edited")
        if self.shown[number] == said["text"]:
            return refusal(
                400,
                "Bad Request: message is not modified: specified new message content and reply "
                "markup are exactly the same as a current content and reply markup of the message",
            )
        return self._show(number, chat, said["text"])

    def _delete(self, chat: int, said: dict[str, Any]) -> Answer:
        if said["message_id"] in self.old:
            return refusal(400, "Bad Request: message can't be deleted for everyone")
        self.shown.pop(said["message_id"], None)
        return Answer(200, {"ok": True, "result": True})

    def _show(self, number: int, chat: int, text: str) -> Answer:
        self.shown[number] = text
        message = {"message_id": number, "date": 1_790_000_000, "chat": {"id": chat}, "text": text}
        return Answer(200, {"ok": True, "result": message})
