"""Webhooks of Discord: https://discord.com/developers/docs/resources/webhook, /topics/rate-limits,
/topics/opcodes-and-status-codes."""

from __future__ import annotations

from tests.integration.chat.doubles.server import Answer, Asked, Double

HOOK, TOKEN = "123456789012345678", "abc-DEF_ghi"


def slow_down(seconds: float, *, is_global: bool = False) -> Answer:
    """The header is in whole seconds or not there, the body has a fraction."""
    headers = {"X-RateLimit-Global": "true"} if is_global else {"X-RateLimit-Scope": "user"}
    said = {
        "message": "You are being rate limited.",
        "retry_after": seconds,
        "global": is_global,
    }
    return Answer(429, said, headers)


class DiscordDouble(Double):
    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, str] = {}
        self.threads: dict[str, str] = {}
        self.count = 1_300_000_000_000_000_000

    @property
    def api(self) -> str:
        return f"{self.origin}/api/v10"

    def url(self, query: str = "") -> str:
        return f"discord://{HOOK}/{TOKEN}/{query}"

    def answer(self, asked: Asked) -> Answer:
        base, _, number = asked.path.removeprefix("/api/v10/webhooks/").partition("/messages/")
        hook, _, token = base.partition("/")
        if hook != HOOK:
            return Answer(404, {"message": "Unknown Webhook", "code": 10015})
        if token != TOKEN:
            return Answer(401, {"message": "Invalid Webhook Token", "code": 50027})
        if asked.method == "POST":
            self.count += 1
            number = str(self.count)
        elif number not in self.shown:
            return Answer(404, {"message": "Unknown Message", "code": 10008})
        if asked.method == "DELETE":
            del self.shown[number]
            return Answer(204)
        text = asked.body["content"]
        if not 1 <= len(text) <= 2000:
            errors = {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH"}]}}
            return Answer(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors})
        assert asked.body["allowed_mentions"] == {"parse": []}
        self.shown[number] = text
        self.threads[number] = asked.query.get("thread_id", "")
        if asked.method == "POST" and asked.query.get("wait") != "true":
            return Answer(204)
        return Answer(200, {"id": number, "type": 0, "content": text, "webhook_id": hook})
