"""Slack: incoming webhooks (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)
and the methods chat.postMessage, chat.update and chat.delete, which refuse with HTTP 200."""

from __future__ import annotations

from tests.integration.chat.doubles.server import Answer, Asked, Double

TOKEN = "xoxb-1234-1234-abc124"
TOKENS = "T1JHG3B8B/A1JJ3T3L2/A1BRTD4JD1TIiajkdnlazkcOXrIdevi7"
ROOMS = {"#genel": "C024BE91L", "C024BE91L": "C024BE91L"}


def refusal(word: str) -> Answer:
    return Answer(200, {"ok": False, "error": word})


class SlackDouble(Double):
    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[tuple[str, str], str] = {}
        self.hooked: list[str] = []
        self.cannot = ""  # what it answers to an update
        self.count = 247

    @property
    def api(self) -> str:
        return f"{self.origin}/api"

    @property
    def hooks(self) -> str:
        return f"{self.origin}/services"

    def url(self, room: str = "#genel") -> str:
        return f"slack://{TOKEN}/{room}"

    def hook_url(self) -> str:
        return f"slack://{TOKENS}/"

    def answer(self, asked: Asked) -> Answer:
        if asked.path.startswith("/services/"):
            if asked.path != f"/services/{TOKENS}":
                return Answer(404, b"no_service")
            self.hooked.append(asked.body["text"])
            return Answer(200, b"ok", {"Content-Type": "text/html"})
        if asked.headers["Authorization"] != f"Bearer {TOKEN}":
            return refusal("invalid_auth")
        said = asked.body
        channel = ROOMS.get(said["channel"])
        if channel is None:
            return refusal("channel_not_found")
        if asked.path.endswith("/chat.postMessage"):
            self.count += 1
            time = f"1503435956.{self.count:06}"
        elif not said["channel"].startswith("C"):
            return refusal("channel_not_found")  # an update takes no names
        elif (channel, said["ts"]) not in self.shown:
            return refusal("message_not_found")
        else:
            time = said["ts"]
        if asked.path.endswith("/chat.delete"):
            del self.shown[channel, time]
        elif asked.path.endswith("/chat.update") and self.cannot:
            return refusal(self.cannot)
        else:
            self.shown[channel, time] = said["text"]
        return Answer(200, {"ok": True, "channel": channel, "ts": time})
