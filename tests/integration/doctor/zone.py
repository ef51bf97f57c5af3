"""A DNS server on loopback that knows one zone, by UDP and TCP: what is not in it does not exist.

A name in `silent` gets no answer at all, one in `broken` the answer SERVFAIL.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

TRIES = 50
Records = Mapping[tuple[str, str], list[str]]  # (name without a dot at its end, type) → values


@dataclass
class Zone:
    """What the server knows, and where it listens."""

    records: dict[tuple[str, str], list[str]]
    broken: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    port: int = 0

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text().rstrip(".").lower()
        if name in self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        kind = question.rdtype.name
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif found := self.records.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif name not in {known for known, _ in self.records}:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire(max_size=65_535)


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, socket = self.request
        answer = self.server.zone.answer(wire)
        if answer is None:
            return
        if len(answer) > 1_232:  # too long: the resolver asks again by TCP
            short = dns.message.make_response(dns.message.from_wire(wire))
            short.flags |= dns.flags.TC
            answer = short.to_wire()
        socket.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        answer = self.server.zone.answer(self.rfile.read(length))
        if answer is not None:
            self.wfile.write(struct.pack("!H", len(answer)) + answer)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


@contextmanager
def served(records: Records) -> Iterator[Zone]:
    """A server for the length of a test, on the same port of both kinds."""
    zone = Zone(dict(records))
    with ExitStack() as stack:
        tcp, udp = _bound(stack)
        zone.port = tcp.server_address[1]
        for server in (tcp, udp):
            server.zone = zone
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(server.shutdown)
        yield zone


def _bound(stack: ExitStack) -> tuple[_TcpServer, _UdpServer]:
    for _ in range(TRIES):
        tcp = _TcpServer(("127.0.0.1", 0), _Tcp)
        try:
            udp = _UdpServer(tcp.server_address, _Udp)
        except OSError:  # somebody has that port by UDP
            tcp.server_close()
            continue
        return stack.enter_context(tcp), stack.enter_context(udp)
    raise OSError("no port that is free by TCP and UDP")
