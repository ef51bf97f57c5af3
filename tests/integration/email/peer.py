"""An SMTP peer that takes everything, or answers as a test wants it to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_UP = "hang up"


@dataclass
class Peer:
    """Takes everything, unless `answers` says otherwise for "MAIL", "DATA" or a recipient."""

    answers: dict[str, str] = field(default_factory=dict)
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    rcpts: Counter[str] = field(default_factory=Counter)
    senders: list[str] = field(default_factory=list)
    connections: int = 0
    before: Callable[[str], None] | None = None
    drop_after_taking: int = 0
    relay: Controller | None = None

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: Any
    ) -> Any:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        self.senders.append(address)
        return self._answer(server, "MAIL") or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        self.rcpts[address] += 1
        if self.before:
            self.before(address)
        if refusal := self._answer(server, address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        refusal = self._answer(server, "DATA")
        if refusal:
            return refusal
        self.mails.append((envelope.mail_from, envelope.rcpt_tos[0], bytes(envelope.content)))
        if self.drop_after_taking:
            self.drop_after_taking -= 1
            server.transport.abort()
        return "250 2.0.0 taken"

    def _answer(self, server: SMTP, key: str) -> str:
        answer = self.answers.get(key, "")
        if answer == HANG_UP:
            server.transport.abort()
        if answer.startswith("221!"):  # says so, and hangs up
            server.transport.write(answer[4:].encode() + b"\r\n")
            server.transport.close()
        return answer.removeprefix("221!")

    def got(self) -> Counter[str]:
        return Counter(recipient for _, recipient, _ in self.mails)


class Relay(Controller):
    """Listens on a port that the kernel chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
