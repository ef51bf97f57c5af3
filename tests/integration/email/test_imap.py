"""The mailbox of a real IMAP server: what is understood goes after its commit, the rest is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from service.models import Bounce, Subscription, Suppression
from service.runtime import Runtime
from tests.integration.email.dovecot import PASSWORD, USER, Dovecot, dovecot
from workers.email import imap as visit
from workers.email.imap import poll_mailbox

UNKNOWN, ARF = "dsn_5.1.1_unknown_user.eml", "arf.eml"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def mailbox(server) -> Dovecot:
    """Empty."""
    with server.opened() as imap:
        imap.uid("STORE", "1:*", "+FLAGS", r"(\Deleted)")
        imap.expunge()
    return server


@pytest.fixture
def at(runtime) -> Callable[..., Runtime]:
    """A runtime that reads the mailbox of a port."""

    def at(port: int, password: str = PASSWORD, scheme: str = "imap") -> Runtime:
        account = f"{quote(USER, safe='')}:{quote(password, safe='')}"
        url = SecretStr(f"{scheme}://{account}@127.0.0.1:{port}/INBOX")
        return replace(
            runtime, settings=runtime.settings.model_copy(update={"bounce_imap_url": url})
        )

    return at


def test_what_is_understood_goes_and_the_rest_is_kept_for_a_person(mailbox, at, town, report):
    gone, angry, leaving = town.reader(), town.reader(), town.reader()
    subscription = next(one for one in town.all(Subscription) if one.destination_id == leaving)
    there = at(mailbox.port)
    token = there.vault.token("unsubscribe", 4711, leaving, subscription.id)
    mailbox.put(
        report(UNKNOWN, gone),
        b"Subject: Selam\r\n\r\nNas\xc4\xb1ls\xc4\xb1n?\r\n",
        report(ARF, angry),
        f"To: u+{token}@tellal.example\r\nSubject: unsubscribe\r\n\r\n".encode(),
    )

    poll_mailbox(there)

    assert sorted(one.reason for one in town.all(Suppression)) == ["complaint", "hard bounce"]
    assert town.get(Subscription, subscription.id).ended_at is not None
    assert mailbox.flags() == [{"\\Flagged", "\\Seen"}]

    mailbox.put(report(UNKNOWN, gone))
    poll_mailbox(there)
    assert town.count(Bounce) == 2
    assert mailbox.flags() == [{"\\Flagged", "\\Seen"}]


def test_a_message_that_a_person_has_opened_is_read_too(mailbox, at, town, report):
    mailbox.put(report(UNKNOWN, town.reader()))
    with mailbox.opened() as imap:
        imap.store("1", "+FLAGS", r"\Seen")

    poll_mailbox(at(mailbox.port))

    assert town.count(Suppression) == 1
    assert mailbox.flags() == []


@pytest.mark.parametrize("when", ["begin", "commit"])
def test_what_was_not_committed_stays_and_is_read_again(when, mailbox, at, town, report):
    first, second = town.reader(), town.reader()
    mailbox.put(report(UNKNOWN, first), report(UNKNOWN, second))
    there = at(mailbox.port)

    class Away:
        @contextmanager
        def write(self) -> Iterator[Any]:
            gone = OperationalError("", None, Exception("gone"))
            if when == "begin":
                raise gone
            with there.db.write() as session:
                yield session
                raise gone

    poll_mailbox(replace(there, db=Away()))
    assert town.count(Bounce) == 0
    assert mailbox.flags() == [set(), set()]

    poll_mailbox(there)
    assert town.count(Bounce) == 2
    assert mailbox.flags() == []


def test_a_visit_that_ends_before_the_mark_counts_nothing_twice(
    mailbox, at, town, report, monkeypatch
):
    mailbox.put(report(UNKNOWN, town.reader()))
    there = at(mailbox.port)

    def cut(*_: Any) -> None:
        raise OSError("cut")

    with monkeypatch.context() as patched:
        patched.setattr(visit.Mailbox, "mark", cut)
        poll_mailbox(there)
    assert town.count(Bounce) == 1
    assert mailbox.flags() == [set()]

    poll_mailbox(there)
    assert town.count(Bounce) == 1
    assert mailbox.flags() == []


def test_a_visit_reads_only_so_many(mailbox, at, town, report, monkeypatch):
    monkeypatch.setattr(visit, "MOST", 2)
    mailbox.put(*(report(UNKNOWN, town.reader()) for _ in range(3)))
    there = at(mailbox.port)

    poll_mailbox(there)
    assert town.count(Bounce) == 2
    poll_mailbox(there)
    assert town.count(Bounce) == 3


def test_only_the_beginning_of_a_huge_message_is_fetched(mailbox, at, town, report):
    mailbox.put(report(UNKNOWN, town.reader()) + b"x" * 100 + b"\r\n" * 1_000_000)

    poll_mailbox(at(mailbox.port))

    assert town.count(Bounce) == 1


@pytest.mark.parametrize(
    ("port", "how"),
    [(1, {}), (None, {"password": "wrong"}), (None, {"scheme": "imaps"}), (None, {"scheme": "x"})],
)
def test_a_mailbox_that_cannot_be_opened_is_visited_later(port, how, mailbox, at, town, report):
    mailbox.put(report(UNKNOWN, town.reader()))

    poll_mailbox(at(port or mailbox.port, **how))

    assert town.count(Bounce) == 0
    assert mailbox.flags() == [set()]


def test_without_a_mailbox_nothing_is_visited(runtime, monkeypatch):
    monkeypatch.setattr(visit, "Mailbox", None)
    poll_mailbox(runtime)
