"""How chat flows: many at once, what waits for whom, and what a service asks of us."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

import pytest
from pydantic import SecretStr

from service.db import utcnow
from service.ledger.outcome import Outcome
from service.ledger.sweep import replay_journals
from service.messages.chat_services import ChatService, Rate
from service.models import Batch, BatchState, Delivery, DeliveryState
from service.runtime import Runtime
from service.tasks import Task
from workers.calls import Caller
from workers.chat import send_chat_batch
from workers.chat.crowd import Crowd
from workers.chat.rates import Rates
from workers.chat.rests import Rests
from workers.courier import Courier, FullError
from workers.deliver import deliver_batch
from workers.parcel import Parcel
from workers.recover import Sweeper

SENT, DEFERRED, UNKNOWN = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.UNKNOWN
QUEUED = DeliveryState.QUEUED
LONG_S = 30.0  # nothing takes so long, unless it hangs


class House(ThreadingHTTPServer):
    """Many rooms on one host: `answer` gets each path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[str] = []
        self.connections = 0
        self.answer: Callable[[_Handler, str], None] = lambda handler, path: handler.say(200)

    def url(self, room: object) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/{room}"


class _Handler(BaseHTTPRequestHandler):
    server: House
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(self.path[1:])
        self.server.answer(self, self.path[1:])

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    thread = threading.Thread(target=house.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield house
    house.shutdown()
    thread.join()
    house.server_close()


@pytest.fixture
def batch_of(town, house):
    """A planned article for so many rooms; its notification and its batch."""

    def make(count: int) -> tuple[int, int]:
        for number in range(count):
            town.channel(house.url(number))
        notification = town.planned()
        (batch,) = town.batches(notification)
        return notification, batch

    return make


@contextmanager
def at_work(*arguments) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=send_chat_batch, args=arguments)
    thread.start()
    yield thread
    thread.join(LONG_S)
    assert not thread.is_alive()


def test_a_dead_channel_keeps_nobody_waiting(house, town, runtime, batch_of):
    notification, batch = batch_of(100)
    others, over = threading.Event(), threading.Event()
    answered: list[str] = []

    def answer(handler: _Handler, path: str) -> None:
        if path == "0":
            over.wait(LONG_S)
        handler.say(200)
        answered.append(path)
        if len(answered) == 99:
            others.set()

    house.answer = answer
    with at_work(runtime, batch) as thread:
        assert others.wait(LONG_S), "the others wait for the first"
        assert "0" not in answered
        assert thread.is_alive()
        over.set()

    assert town.counts(notification) == {SENT: 100}
    assert Counter(house.got) == Counter(map(str, range(100)))
    assert town.findings() == []


def test_many_slow_channels_give_their_places_to_others(
    house, town, runtime, batch_of, monkeypatch
):
    monkeypatch.setattr("workers.chat.crowd.AT_ONCE", 4)
    monkeypatch.setattr("workers.chat.crowd.MOST", 12)
    monkeypatch.setattr("workers.chat.crowd.SLOW_S", 0.1)
    notification, batch = batch_of(20)
    others, over = threading.Event(), threading.Event()
    answered: list[str] = []

    def answer(handler: _Handler, path: str) -> None:
        if int(path) < 8:
            over.wait(LONG_S)
        else:
            answered.append(path)
        if len(answered) == 12:
            others.set()
        handler.say(200)

    house.answer = answer
    with at_work(runtime, batch):
        assert others.wait(LONG_S)
        over.set()

    assert town.counts(notification) == {SENT: 20}


def test_connections_are_used_again(house, town, runtime, batch_of):
    notification, batch = batch_of(100)

    send_chat_batch(runtime, batch)

    assert town.counts(notification) == {SENT: 100}
    assert house.connections <= 64  # as many as there are threads


def test_a_connection_that_is_used_again_ends_at_its_deadline_too(house, settings, monkeypatch):
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.3)
    over = threading.Event()
    caller = Caller(settings, ("127.0.0.1",))
    url = f"http://127.0.0.1:{house.server_address[1]}"
    assert caller.call("POST", f"{url}/0", json={}).is_ok
    house.answer = lambda handler, path: over.wait(LONG_S)

    silent = caller.call("POST", f"{url}/1", json={})

    assert (silent.status, silent.was_sent) == (None, True)
    assert house.connections == 1
    house.answer = lambda handler, path: handler.say(200)
    assert caller.call("POST", f"{url}/2", json={}).is_ok
    assert house.connections == 2
    over.set()


def test_no_connection_is_used_by_who_may_not_reach_its_host(house, settings):
    url = f"http://127.0.0.1:{house.server_address[1]}/0"
    assert Caller(settings, ("127.0.0.1",)).call("POST", url, json={}).is_ok

    assert Caller(settings, ()).call("POST", url, json={}).is_blocked
    assert len(house.got) == 1


def test_a_message_has_one_deadline_for_all_its_calls(house, settings):
    caller = Caller(settings, ("127.0.0.1",)).until(time.monotonic())
    url = f"http://127.0.0.1:{house.server_address[1]}/0"

    reply = caller.call("POST", url, json={})

    assert (reply.status, reply.was_sent, house.got) == (None, False, [])


def test_a_lane_that_rests_goes_on_with_one_batch_after_the_other():
    rests, lane, rung = Rests(), ("tgram", "chat"), SimpleQueue()
    rests.leave(lane, 1, partial(rung.put, 1), 0.05)
    assert rests.is_resting(lane, 2, partial(rung.put, 2))
    assert rests.is_resting(lane, 3, partial(rung.put, 3))
    assert rests.is_resting(lane, 2, partial(rung.put, 2)), "rung for again by the sweeper"
    assert not rests.is_resting(("slack", "chat"), 4, partial(rung.put, 4))

    assert rung.get(timeout=LONG_S) == 1
    assert not rests.is_resting(lane, 1, partial(rung.put, 1))
    rests.leave(lane, 1, partial(rung.put, 1), 0.05)
    assert rung.get(timeout=LONG_S) == 1, "it goes on before the others"
    rests.leave(lane, 1, partial(rung.put, 1), None)
    assert rung.get(timeout=LONG_S) == 2
    rests.leave(lane, 2, partial(rung.put, 2), None)
    assert rung.get(timeout=LONG_S) == 3
    rests.leave(lane, 3, partial(rung.put, 3), None)
    assert rung.empty()


def test_what_was_silent_is_tried_by_few_and_told_when_it_lives(
    house, town, runtime, monkeypatch, batch_of
):
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.5)
    monkeypatch.setattr("workers.chat.gate._silent", threading.BoundedSemaphore(1))
    monkeypatch.setattr("workers.chat.gate.IN_A_ROW", 100)
    over = threading.Event()
    house.answer = lambda handler, path: over.wait(LONG_S)
    first, batch = batch_of(6)
    send_chat_batch(runtime, batch)
    assert town.counts(first) == {UNKNOWN: 6}

    second = town.planned()
    (batch,) = town.batches(second)
    send_chat_batch(runtime, batch)

    counts = town.counts(second)
    assert counts[DEFERRED] >= 3
    assert counts[DEFERRED] + counts[UNKNOWN] == 6
    assert {row.attempts for row in town.all(Delivery) if row.state == DEFERRED} == {0}
    over.set()


def test_a_service_that_answers_nobody_is_left_alone(house, town, runtime, monkeypatch, batch_of):
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.3)
    monkeypatch.setattr("workers.chat.crowd.AT_ONCE", 4)
    monkeypatch.setattr("workers.chat.gate.HOSTED", frozenset())
    monkeypatch.setattr("workers.chat.task.RESTS", Rests())
    over = threading.Event()
    house.answer = lambda handler, path: over.wait(LONG_S)
    notification, batch = batch_of(40)

    send_chat_batch(runtime, batch)

    counts = town.counts(notification)
    assert 8 <= counts[UNKNOWN] <= 16
    assert counts[QUEUED] == 40 - counts[UNKNOWN]
    row = town.get(Batch, batch)
    assert row.state == BatchState.READY
    assert timedelta(seconds=20) < row.due_at - utcnow() <= timedelta(seconds=31)
    over.set()


def test_429_is_honoured_never_earlier_and_by_the_first_sweep_after(house, town, runtime):
    """The sweeper looks every second; `make bench-chat` has how late it was."""
    channel = town.channel(house.url("room"))
    notification = town.planned()
    (batch,) = town.batches(notification)
    came: list[float] = []

    def answer(handler: _Handler, path: str) -> None:
        came.append(time.monotonic())
        if len(came) == 1:
            handler.say(429, Retry_After="3")
        else:
            handler.say(200)

    house.answer = answer
    send_chat_batch(runtime, batch)
    assert town.counts(notification) == {DEFERRED: 1}
    nowhere = SecretStr("redis://127.0.0.1:1/0")
    deaf = Runtime.start(runtime.settings.model_copy(update={"redis_url": nowhere}))
    deaf.doorbell.ring(Task.RETAIN, 0)
    sweeper, pause = Sweeper(deaf), threading.Event()
    due_at = town.get(Delivery, (notification, channel)).due_at
    while (now := utcnow()) < due_at:
        sweeper.sweep()
        assert len(came) == 1 or time.monotonic() - came[0] >= 3.0
        pause.wait(min(1.0, max((due_at - now).total_seconds(), 0.01)))
    sweeper.sweep()
    deaf.close()

    assert len(came) == 2
    assert came[1] - came[0] >= 3.0
    assert town.counts(notification) == {SENT: 1}


def test_a_room_that_asked_for_a_wait_is_closed_to_other_articles_too(
    house, town, runtime, batch_of
):
    house.answer = lambda handler, path: handler.say(429, Retry_After="600")
    _, batch = batch_of(1)
    send_chat_batch(runtime, batch)

    meanwhile = town.planned()
    send_chat_batch(runtime, town.batches(meanwhile)[0])

    assert len(house.got) == 1
    (waiting,) = (row for row in town.all(Delivery) if row.notification_id == meanwhile)
    assert (waiting.state, waiting.attempts) == (DEFERRED, 0)
    assert waiting.due_at - utcnow() > timedelta(minutes=9)


def test_who_asks_for_all_is_left_alone_by_all(house, town, runtime, monkeypatch, batch_of):
    monkeypatch.setattr("workers.chat.gate.HOSTED", frozenset())
    monkeypatch.setattr("workers.chat.crowd.AT_ONCE", 1)
    monkeypatch.setattr("workers.chat.crowd.MOST", 1)
    monkeypatch.setattr("workers.chat.task.RESTS", Rests())
    house.answer = lambda handler, path: handler.say(
        429, Retry_After="70.5", X_RateLimit_Global="true"
    )
    notification, batch = batch_of(5)

    send_chat_batch(runtime, batch)

    assert town.counts(notification) == {DEFERRED: 1, QUEUED: 4}
    assert len(house.got) == 1
    left = town.get(Batch, batch).due_at - utcnow()
    assert timedelta(seconds=65) < left <= timedelta(seconds=71)


def test_an_end_of_the_worker_hands_the_rest_back(house, town, runtime, batch_of, monkeypatch):
    monkeypatch.setattr("workers.chat.crowd.AT_ONCE", 2)
    notification, batch = batch_of(20)
    is_ending = threading.Event()
    monkeypatch.setattr("workers.chat.task.Crowd", partial(Crowd, is_stopping=is_ending.is_set))

    def answer(handler: _Handler, path: str) -> None:
        if len(house.got) >= 6:
            is_ending.set()
        handler.say(200)

    house.answer = answer
    monkeypatch.setattr("workers.chat.task.RESTS", Rests())
    send_chat_batch(runtime, batch)

    counts = town.counts(notification)
    assert 6 <= counts[SENT] <= 9
    assert counts[SENT] + counts[QUEUED] == 20
    is_ending.clear()
    house.answer = lambda handler, path: handler.say(200)
    send_chat_batch(runtime, batch)
    assert town.counts(notification) == {SENT: 20}
    assert Counter(house.got) == Counter(map(str, range(20)))


def test_a_restart_in_the_middle_doubles_none_that_is_not_unknown(
    house, town, runtime, batch_of, monkeypatch, journals
):
    """As by a kill: the lines of the journal are all that is left of many threads."""

    class Killed(BaseException):
        pass

    notification, batch = batch_of(60)
    real, left = Courier.answer, itertools.count(-20)

    def answer(courier: Courier, parcel: Parcel, outcome: Outcome) -> None:
        if next(left) >= 0:
            raise Killed
        real(courier, parcel, outcome)

    with monkeypatch.context() as patch:
        patch.setattr(Courier, "answer", answer)
        patch.setattr("workers.chat.crowd.threading.Thread.join", lambda *_: None)
        with pytest.raises(Killed):
            send_chat_batch(runtime, batch)

    replay_journals(runtime.db, journals, utcnow())
    send_chat_batch(runtime, batch)

    counts = town.counts(notification)
    assert counts[SENT] + counts[UNKNOWN] == 60
    assert 1 <= counts[UNKNOWN] <= 32
    assert max(Counter(house.got).values()) == 1
    assert town.findings() == []


@pytest.fixture
def journals(runtime):
    return runtime.settings.var_dir / "journal"


class Sender:
    """Of the ledger's tests, for a crowd."""

    def __init__(self, send) -> None:
        self._send = send

    def __call__(self, _runtime, _lease) -> Sender:
        return self

    def prepare(self, session) -> None:
        return None

    def send_all(self, courier: Courier) -> None:
        Crowd(lambda: self._send).run(courier)

    def close(self) -> None:
        pass


def test_what_is_full_ends_the_batch_after_those_in_hand(town, runtime, batch_of):
    notification, batch = batch_of(10)

    def send(row, on_wire):
        if row["destination_id"] % 2:
            raise FullError("enough", 7.0)
        on_wire()
        return Outcome(SENT)

    deliver_batch(runtime, batch, Sender(send))

    counts = town.counts(notification)
    assert counts[SENT] + counts[QUEUED] == 10
    assert counts[QUEUED] >= 1
    left = town.get(Batch, batch).due_at - utcnow()
    assert timedelta(seconds=5) < left <= timedelta(seconds=7)


class _NoThread(threading.Thread):
    def start(self) -> None:
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("count", [0, 3])
def test_a_machine_without_threads_to_give_keeps_all_that_was_answered(
    town, runtime, batch_of, monkeypatch, count
):
    notification, batch = batch_of(10)
    left = itertools.count(1 - count)

    def thread(**options):
        kind = threading.Thread if next(left) <= 0 else _NoThread
        return kind(**options)

    def send(row, on_wire):
        on_wire()
        return Outcome(SENT)

    with monkeypatch.context() as patch:
        patch.setattr("workers.chat.crowd.threading", FewThreads(thread))
        deliver_batch(runtime, batch, Sender(send))

    assert town.counts(notification) == ({SENT: 10} if count else {QUEUED: 10})
    assert town.get(Batch, batch).state == (BatchState.DONE if count else BatchState.READY)


class FewThreads:
    """`threading`, of a process that may have few."""

    def __init__(self, thread) -> None:
        self.Thread = thread

    def __getattr__(self, name: str):
        return getattr(threading, name)


COUNT = """
import json, sys
from service.messages.chat_services import ChatService, Rate
from service.settings import load
from workers.chat.rates import Rates, Room
settings = load(**json.loads(sys.argv[1]))
rates = Rates(settings)
rules = ChatService(schemes=("x",), longest=200, service=Rate(messages=40, seconds=4000),
                    target=Rate(messages=30, seconds=3000))
sys.stdin.readline()
got = [0, 0]
for number in range(60):
    which = number % 2
    got[which] += not rates.take(Room("s" + sys.argv[2], f"t{which}" + sys.argv[2], rules),
                                 is_pressing=True).wait_s
print(json.dumps(got))
"""


def test_the_buckets_are_exact_however_many_ask(settings, redis_url, tmp_path):
    said = json.dumps({"redis_url": redis_url, "var_dir": str(tmp_path), "secret_key": "k"})
    words = [sys.executable, "-c", COUNT, said, str(tmp_path)]
    both = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    got = [json.loads(one.communicate(timeout=60)[0]) for one in both]

    assert sum(map(sum, got)) == 40
    assert all(a + b <= 30 for a, b in zip(*got, strict=True))


RULES = ChatService(schemes=("x",), longest=200, service=Rate(messages=10, seconds=10), target=None)


def test_a_clock_of_redis_that_was_set_back_stops_nobody_for_longer(settings, redis_url, tmp_path):
    import redis

    rates = Rates(settings)
    room = rates.room_of("x", str(tmp_path), "room")
    room = type(room)(room.service, room.target, RULES)
    with redis.Redis.from_url(redis_url) as broker:
        rates.close(room, 5, is_global=True)
        broker.pexpire(f"{room.service}:closed", 3_600_000)
        assert 4 < rates.take(room).wait_s <= 5.1
        assert broker.pttl(f"{room.service}:closed") <= 5_000

        broker.delete(f"{room.service}:closed")
        seconds, _ = broker.time()
        broker.hset(room.service, mapping={"tokens": 0, "at": seconds + 3_600})
        broker.expire(room.service, 60)
        assert rates.take(room).wait_s > 0
        assert float(broker.hget(room.service, "at")) <= broker.time()[0] + 1


def test_urgent_news_finds_what_was_reserved_for_it(settings, tmp_path):
    rates = Rates(settings)
    room = rates.room_of("x", str(tmp_path), "room")
    room = type(room)(room.service, room.target, RULES)

    assert [rates.take(room).wait_s > 0 for _ in range(9)] == [False] * 8 + [True]
    assert rates.take(room).is_of_service
    assert [rates.take(room, is_pressing=True).wait_s > 0 for _ in range(2)] == [False] * 2


def test_without_redis_each_process_has_a_part_of_the_rates(settings):
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    rates = Rates(nowhere)
    room = rates.room_of("x", "account", "room")
    room = type(room)(room.service, room.target, RULES)

    assert [rates.take(room).wait_s > 0 for _ in range(4)] == [False, False, True, True]
    rates.close(room, 100, is_global=True)
    assert 90 < rates.take(room).wait_s <= 100


def test_no_address_stands_in_redis(settings, runtime, redis_url, house, batch_of):
    import redis

    _, batch = batch_of(1)
    send_chat_batch(runtime, batch)

    with redis.Redis.from_url(redis_url) as broker:
        keys = [key.decode() for key in broker.keys("tellal-chat:*")]
        assert keys
        assert not any("127.0.0.1" in key for key in keys)
        assert all(0 < broker.ttl(key) <= 3600 for key in keys)
