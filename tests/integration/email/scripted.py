"""A relay that does as it is told: refuses, hangs up, answers in crumbs, and knows what it took.

It announces PIPELINING (RFC 2920), unless told not to, and answers each command in its turn, so
that refusals come in the middle of what a client has sent in one go; `smtp-sink` cannot do that.
"""

from __future__ import annotations

import base64
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.email.script import DOT, HANG_UP, MIDDLE, ON, Script

CRUMB = 1  # byte: each comes by itself
MAX_LINE = 65_536


class _Gone(Exception):
    """The connection ends here, in the middle of whatever it was."""


class _RefusedError(Exception):
    """A letter was answered before its end."""


class _Handler(socketserver.StreamRequestHandler):
    """One connection."""

    disable_nagle_algorithm = True  # each crumb leaves by itself
    rbufsize = MAX_LINE

    def handle(self) -> None:
        self._script: Script = self.server.script
        self._sender = self._recipient = ""
        self._is_sender_ok = self._is_recipient_ok = False
        self._security, self._is_encrypted, self._is_known = self._script.security, False, False
        with self._script.lock:
            if self._script.is_over:
                return
            self._script.open.add(self.request)
        try:
            if self._security is not None and self._security.is_smtps:
                self._encrypt()
            self._say(b"220 scripted.example ESMTP")
            while line := self.rfile.readline(MAX_LINE):
                self._obey(line)
        except (_Gone, OSError):
            return
        finally:
            with self._script.lock:
                self._script.open.discard(self.request)

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper().strip().decode("ascii", "replace")
        if verb == "EHLO" and self._script.is_extended:
            self._say_lines([b"scripted.example", *self._extensions(), b"ENHANCEDSTATUSCODES"])
        elif verb == "STAR" and self._may_encrypt():
            self._say(b"220 2.0.0 go on")
            self._encrypt()
        elif verb == "AUTH" and self._is_encrypted:
            self._sign_in(line.split())
        elif verb == "MAIL" and self._needs_login():
            self._say(b"530 5.7.0 who are you")
        elif verb == "MAIL":
            self._reset()
            self._sender = _address(line)
            who = self._script.name_of(self._sender)
            self._is_sender_ok = self._reply(verb, who, b"250 2.1.0 ok")
        elif verb == "RCPT":
            self._recipient = _address(line)
            usually = b"250 2.1.5 ok" if self._is_sender_ok else b"503 5.5.1 MAIL first"
            self._is_recipient_ok = self._reply(verb, self._recipient, usually)
        elif verb == "DATA":
            self._data()
        elif verb == "RSET":
            self._reset()
            self._say(b"250 2.0.0 reset")
        elif verb == "QUIT":
            self._say(b"221 2.0.0 bye")
            raise _Gone
        else:
            self._say(b"250 2.0.0 hello" if verb in ("HELO", "NOOP") else b"500 5.5.2 what")

    def _data(self) -> None:
        usually = b"354 go on" if self._is_recipient_ok else b"554 5.5.1 no valid recipients"
        self._reply("DATA", self._recipient, usually)
        if not self._is_answered_by(b"354"):
            self._reset()
            return
        try:
            letter = self._letter()
        except _RefusedError:
            self._reset()
            return
        is_wanted = self._is_sender_ok and self._is_recipient_ok
        if not is_wanted and letter:
            self._script.stray.append(letter)
        usually = b"250 2.0.0 queued" if is_wanted else b"554 5.5.1 no valid recipients"
        answer = self._script.answer(DOT, self._recipient, usually)
        if is_wanted and (answer == HANG_UP or answer[:1] == b"2"):
            with self._script.lock:  # the nasty case: taken, but the answer never arrives
                self._script.accepted[self._recipient] += 1
                self._script.letters.append((self._sender, self._recipient, letter))
        self._give(answer)
        self._reset()

    def _extensions(self) -> Iterator[bytes]:
        if self._script.is_pipelining:
            yield b"PIPELINING"
        if self._may_encrypt():
            yield b"STARTTLS"
        if self._needs_login() and self._is_encrypted:
            yield b"AUTH " + self._security.mechanisms

    def _may_encrypt(self) -> bool:
        return self._security is not None and not self._is_encrypted

    def _needs_login(self) -> bool:
        return bool(self._security and self._security.login and not self._is_known)

    def _encrypt(self) -> None:
        self.connection = self._security.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", MAX_LINE)
        self._is_encrypted = True

    def _sign_in(self, words: list[bytes]) -> None:
        """PLAIN with its answer, or LOGIN with both (RFC 4954)."""
        if words[1] not in self._security.mechanisms.split():
            self._say(b"504 5.5.4 not offered")
            return
        if words[1] == b"PLAIN":
            _, user, password = base64.b64decode(words[2]).split(b"\0")
        else:
            user = base64.b64decode(words[2]) if words[2:] else self._asked(b"VXNlcm5hbWU6")
            password = self._asked(b"UGFzc3dvcmQ6")
        self._script.logins.append((user, password))
        self._is_known = self._security.knows(user, password)
        self._say(b"235 2.7.0 welcome" if self._is_known else b"535 5.7.8 wrong password")

    def _asked(self, question: bytes) -> bytes:
        self._say(b"334 " + question)
        return base64.b64decode(self.rfile.readline(MAX_LINE))

    def _letter(self) -> bytes:
        """Read to the dot; a letter that breaks off is none."""
        if self._script.hold is not None:
            self._script.hold(self._recipient)
        lines = []
        while (line := self.rfile.readline(MAX_LINE)) != b".\r\n":
            if not line:
                if lines and not self._is_recipient_ok:
                    self._script.stray.append(b"".join(lines))
                raise _Gone
            if not lines:
                answer = self._script.answer(MIDDLE, self._recipient, ON)
                if answer != ON:
                    self._give(answer)
                    raise _RefusedError
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _reset(self) -> None:
        self._is_sender_ok = self._is_recipient_ok = False

    def _reply(self, verb: str, who: str, usually: bytes) -> bool:
        """Answer by the script; true where that is a yes."""
        self._last = self._script.answer(verb, who, usually)
        self._give(self._last)
        return self._last[:1] == b"2"

    def _is_answered_by(self, code: bytes) -> bool:
        return self._last[:3] == code

    def _give(self, answer: bytes) -> None:
        if answer == HANG_UP:
            raise _Gone
        self._say(answer)
        if answer[:3] == b"421":
            raise _Gone

    def _say(self, line: bytes) -> None:
        code, text = line[:3], line[4:]
        self._say_lines([b"more to come", text] if self._script.is_in_crumbs else [text], code)

    def _say_lines(self, texts: list[bytes], code: bytes = b"250") -> None:
        marks = [b"-"] * (len(texts) - 1) + [b" "]
        whole = b"".join(
            b"%b%b%b\r\n" % (code, mark, text) for mark, text in zip(marks, texts, strict=True)
        )
        size = CRUMB if self._script.is_in_crumbs else len(whole)
        for start in range(0, len(whole), size):
            self.connection.sendall(whole[start : start + size])

    def finish(self) -> None:
        """With encryption it is another socket than the server's, who closes only its own."""
        super().finish()
        self.connection.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 100
    script: Script


@contextmanager
def playing(script: Script, port: int = 0) -> Iterator[Script]:
    """Serve a script on this port, else on one that the kernel chooses. At the end all its
    connections are closed, as those of a process are."""
    with _Server(("127.0.0.1", port), _Handler) as server:
        server.script, script.port = script, int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
            script.is_over = True
            script.hang_up()


@contextmanager
def closed_port() -> Iterator[int]:
    """Nobody listens on it, and nobody else may."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield int(reserved.getsockname()[1])


def _address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode("ascii", "replace")
