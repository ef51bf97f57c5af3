"""Structured logs: one JSON object a line, ids and not contents, on standard error.

A stage begins `lines_of` its row and binds the ids that it reads there, above all the id of the
request that brought the news, so that each line about it names them, whoever writes it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog


def configure(level: str = "INFO") -> None:
    """Send our own and every library's log lines through one JSON formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in (
        "alembic.runtime.migration",  # says at each look at the schema that it looks
        "kombu",
        "amqp",
        "celery.worker.strategy",
        "celery.app.trace",
        "urllib3",
        "mail.log",
        "alembic.runtime.plugins",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It names the chats it writes to, in warnings too. What became of a message we log ourselves.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)


def write_quickly(logger: str, event: str, **fields: object) -> None:
    """A line of level INFO, past most of what makes one: for what happens thousands of times a
    second. It names no bound ids."""
    root = logging.getLogger()
    if not root.isEnabledFor(logging.INFO):
        return
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    said = {**fields, "event": event, "level": "info", "logger": logger, "timestamp": at}
    line = orjson.dumps(said).decode() + "\n"
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler):
            with handler.lock or nullcontext():
                handler.stream.write(line)
                handler.flush()


def bind(**ids: object) -> None:
    """Name these ids in every line that follows in this thread, until its stage ends."""
    structlog.contextvars.bind_contextvars(**ids)


def bound_ids() -> dict[str, Any]:
    """What lines of this thread name at the moment."""
    return structlog.contextvars.get_contextvars()


@contextmanager
def lines_of(**ids: object) -> Iterator[None]:
    """Name these ids and what is bound inside, and nothing of before; forget all of it after."""
    before = structlog.contextvars.get_contextvars()
    structlog.contextvars.clear_contextvars()
    bind(**ids)
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        bind(**before)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
