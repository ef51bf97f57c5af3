"""Traces by OpenTelemetry, where TELLAL_OTLP_ENDPOINT is set; else we import nothing of it.

The stages of an article run in other processes, hours later perhaps, and rows carry the id of the
request that brought it. That id is all the context there needs to be: the trace's number and the
number of its first span, the request's, are computed from it. So no row and no task grows, and what
the sweeper finds after a crash is in the same trace.

A span is written when its work has ended, with the times of its beginning and end: only then are
the ids known that the work has read.
"""

from __future__ import annotations

import contextvars
import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from service.settings import Settings

# W3C Trace Context, section 3.2: version, trace, span, flags.
TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_HEX = re.compile(r"(?!0{32})[0-9a-f]{32}")
_NO_IDS = (0, 0)
TIMEOUT_S = 5.0

_next_ids: contextvars.ContextVar[tuple[int, int]] = contextvars.ContextVar("ids", default=_NO_IDS)
_open: contextvars.ContextVar[Span | None] = contextvars.ContextVar("span", default=None)
_lock = threading.Lock()
_made: dict[int, tuple[str, Any]] = {}  # by process: where to, and what writes spans there


@dataclass
class Span:
    """One piece of work. `inside`: the span that it is a part of, where it is not the request's."""

    name: str
    request_id: str = ""
    began_ns: int = field(default_factory=time.time_ns)
    number: int = field(default_factory=lambda: secrets.randbits(64) or 1)
    inside: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def is_on(settings: Settings) -> bool:
    return bool(settings.otlp_endpoint)


@contextmanager
def span(settings: Settings, name: str) -> Iterator[Span]:
    """Work on what a request brought. The work says which one (`request_id` of the span) as soon as
    it knows; without one the span is not written. Costs nothing where traces are off."""
    one = Span(name)
    if not is_on(settings):
        yield one
        return
    outer = _open.get()
    if outer is not None:
        one.inside = outer.number
    mark = _open.set(one)
    error: str | None = None
    try:
        yield one
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        _open.reset(mark)
        if one.request_id:
            write(settings, one, error)


def write_request(
    settings: Settings, one: Span, came_from: str | None, error: str | None = None
) -> None:
    """Write the first span of a request; `came_from`: the caller's traceparent, if it sent one."""
    one.number = span_of(one.request_id)
    parent = TRACEPARENT.fullmatch(came_from or "")
    if parent is None:
        write(settings, one, error, is_first=True)
    elif int(parent[1], 16) == trace_of(one.request_id):
        one.inside = int(parent[2], 16)
        write(settings, one, error)
    else:  # it named the request, too: its own trace is linked
        write(settings, one, error, is_first=True, link=(int(parent[1], 16), int(parent[2], 16)))


def write(
    settings: Settings,
    one: Span,
    error: str | None = None,
    *,
    is_first: bool = False,
    link: tuple[int, int] | None = None,
) -> None:
    """Hand a span that has ended to the exporter, which sends it from a thread of its own."""
    from opentelemetry import trace

    tracer = _tracer(settings)
    number = trace_of(one.request_id)
    context = None
    if not is_first:
        parent = one.inside or span_of(one.request_id)
        context = trace.set_span_in_context(trace.NonRecordingSpan(_context(number, parent)))
    else:
        context = trace.set_span_in_context(trace.INVALID_SPAN)
    mark = _next_ids.set((number, one.number))
    try:
        written = tracer.start_span(
            one.name,
            context=context,
            start_time=one.began_ns,
            attributes={"tellal.request_id": one.request_id, **one.attributes},
            links=[trace.Link(_context(*link))] if link else None,
        )
    finally:
        _next_ids.reset(mark)
    if error:
        written.set_status(trace.Status(trace.StatusCode.ERROR, error))
    written.end()


def trace_of(request_id: str) -> int:
    """The trace that a request's work is in: one that came as a trace's number stays that."""
    if _HEX.fullmatch(request_id):
        return int(request_id, 16)
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:16], "big") or 1


def span_of(request_id: str) -> int:
    """The number of the request's own span."""
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[16:24], "big") or 1


def attributes_of(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Ids of log lines as attributes: numbers and words, no contents."""
    return {
        f"tellal.{name}": value
        for name, value in ids.items()
        if name != "request_id" and isinstance(value, int | float | str | bool)
    }


def close() -> None:
    """Send what is left, for a few seconds at most."""
    with _lock:
        found = _made.pop(os.getpid(), None)
    if found is not None:
        found[1][0].shutdown()


def _context(number: int, span_number: int) -> Any:
    from opentelemetry import trace

    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    return trace.SpanContext(number, span_number, is_remote=True, trace_flags=flags)


def _tracer(settings: Settings) -> Any:
    """One per process, made after a fork: the exporter has a thread."""
    with _lock:
        found = _made.get(os.getpid())
        if found is None or found[0] != settings.otlp_endpoint:
            found = (settings.otlp_endpoint, _make(settings.otlp_endpoint))
            _made.clear()
            _made[os.getpid()] = found
        return found[1][1]


def _make(endpoint: str) -> tuple[Any, Any]:
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """The numbers that were computed, where there are some."""

        def generate_trace_id(self) -> int:
            return _next_ids.get()[0] or super().generate_trace_id()

        def generate_span_id(self) -> int:
            return _next_ids.get()[1] or super().generate_span_id()

    provider = TracerProvider(
        id_generator=Ids(), resource=Resource.create({"service.name": "tellal"})
    )
    # Chat puts a guarded session in the place of the usual one, which goes to no internal address.
    plain = next(one for one in requests.Session.__mro__ if one.__module__ == "requests.sessions")
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=TIMEOUT_S, session=plain()
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, provider.get_tracer("tellal")
