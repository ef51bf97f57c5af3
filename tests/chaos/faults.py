"""The table: what is done to a city in each row, and how long it lasts.

A fault strikes a few times, each time when the ends have taken a random share of the deliveries, or
in the first moments after the article was posted, while it is classified and planned. `in_doubt`
is how many open connections one strike cuts, so how many deliveries it may leave unknown.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from service.ledger.lanes import MOST_LINKS
from service.tasks import WORKERS
from tests.chaos.city import City
from tests.chaos.processes import frozen, without_disk
from tests.chaos.rolling import Rolling
from tests.chaos.tape import Rule
from workers.turnstile import THREADS_OF_A_LANE

Undo = Callable[[], None]

# Everybody's mail is one lane here, whose batches a worker sends over so many connections, with a
# letter on each.
MAIL = EXPRESS = THREADS_OF_A_LANE * MOST_LINKS
CHAT = WORKERS["chat"][2]
FREEZE_S = 10.0
TIMEOUTS = 3  # of one sender after the other, while a chat service is frozen: 4 s each
OUTLIVE_S = 15.0  # longer than the lease of a chaos run
POST_S = 0.05  # about as long as the door takes for an article
WEBHOOKS = 50
ROLLING = "rolling restart"
FAKETIME = "faketime/libfaketime.so.1"


@dataclass(frozen=True)
class Scene:
    """Where a fault strikes."""

    city: City
    mark: str
    chance: random.Random
    is_urgent: bool = False

    def offer(self) -> None:
        """Post the same webhook again."""
        self.city.offer(self.mark, is_urgent=self.is_urgent)


Hurt = Callable[[Scene], Undo | None]


def nothing(_: Scene) -> None:
    """For rows whose trouble is there from the start."""


@dataclass(frozen=True)
class Fault:
    """One row. `before` is done before the article is posted, and undone when the row ends."""

    name: str
    hurt: Hurt = nothing
    strikes: int = 3
    early: int = 0
    lasts_s: float = 0.0
    in_doubt: int = 0
    before: Hurt = nothing
    of: str = "mail"  # the end whose share of the deliveries says when
    only: str = ""  # the one database on which it can happen
    is_urgent: bool = False
    is_digest: bool = False  # the article is told by a digest, at eight of the city's morning
    is_alone: bool = False  # it waits for the city to come up again, so nothing else may be broken


def kill(name: str, number: signal.Signals = signal.SIGKILL) -> Hurt:
    return lambda scene: scene.city.kill(name, number)


def kill_group(scene: Scene) -> None:
    """Everything that the email worker has started, and itself."""
    os.killpg(scene.city.pids("email")[0], signal.SIGKILL)  # it leads a session of its own


def kill_at_the_door(name: str) -> Hurt:
    """kill -9 a moment after somebody has begun to post, be it for the second time."""

    def hurt(scene: Scene) -> None:
        wait_s = scene.chance.uniform(0, POST_S)
        poster = threading.Thread(target=scene.offer)
        poster.start()
        poster.join(wait_s)
        scene.city.kill(name)
        poster.join()

    return hurt


def same_webhook(scene: Scene) -> None:
    """Fifty times at once."""
    posters = [threading.Thread(target=scene.offer) for _ in range(WEBHOOKS)]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()


def freeze(*names: str) -> Hurt:
    def hurt(scene: Scene) -> Undo:
        return frozen([pid for name in names for pid in scene.city.pids(name)])

    return hurt


def freeze_postgres(scene: Scene) -> Undo:
    assert scene.city.postgres is not None
    return scene.city.postgres.freeze()


def restart_postgres(scene: Scene) -> None:
    assert scene.city.postgres is not None
    scene.city.postgres.restart_at_once()


def full_disk(scene: Scene) -> Undo:
    city = scene.city
    return without_disk([*city.pids("email"), *city.pids("chat"), *city.pids("express")])


def told(end: str, *rules: Rule) -> Hurt:
    """An end misbehaves until the undo."""

    def hurt(scene: Scene) -> Undo:
        scene.city.tell(end, *rules, seed=scene.chance.randrange(1_000_000))
        return lambda: scene.city.tell(end)

    return hurt


def disconnect(scene: Scene) -> Undo:
    """At every command, each a few times; only a new connection says EHLO, so there mostly."""
    shares = {"EHLO": 0.5, "MAIL": 0.1, "RCPT": 0.1, "DATA": 0.1, "MID": 0.1, "DOT": 0.1}
    rules = [Rule(at, "disconnect", share, times=2) for at, share in shares.items()]
    return told("mail", *rules, Rule("DOT", "swallow", 0.1, times=2))(scene)


def kill_sink(scene: Scene) -> Undo:
    scene.city.kill_end("sink")
    return lambda: scene.city.start_end("sink")


def kill_receiver(scene: Scene) -> Undo:
    """Refused connections, until it comes back."""
    scene.city.kill_end("receiver")
    return lambda: scene.city.start_end("receiver")


def freeze_receiver(scene: Scene) -> Undo:
    """What was written to it is taken when it goes on, whoever has hung up by then."""
    scene.city.freeze_end("receiver", is_frozen=True)
    return lambda: scene.city.freeze_end("receiver", is_frozen=False)


def kill_among_trouble(scene: Scene) -> Undo:
    """kill -9 of the chat worker, whose peers refuse, put off and hang up at the same time."""
    rules = Rule("POST", "500", 0.2), Rule("POST", "429", 0.1)
    undo = told("chat", *rules, Rule("POST", "swallow", 0.2, times=3))(scene)
    scene.city.kill("chat")
    return undo


def second(name: str) -> Hurt:
    """One more process of this kind for the whole row."""

    def hurt(scene: Scene) -> Undo:
        return scene.city.double(name, {f"{name}@%h": f"{name}2@%h"}).end

    return hurt


def jump_clock(scene: Scene) -> Undo:
    """The scheduler's clock jumps by an hour; the others keep the time.

    A scheduler that lives in another hour takes the place of the real one, which is stopped.
    """
    city, hours = scene.city, scene.chance.choice((-1, 1))
    release = frozen(city.pids("scheduler"))
    library = faketime()
    assert library is not None
    schedule = city.var / "scheduler"
    twin = city.double(
        "scheduler",
        {str(schedule / "schedule"): str(schedule / f"jumped{hours}")},
        LD_PRELOAD=str(library),
        FAKETIME=f"{hours:+d}h",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )

    def undo() -> None:
        twin.end()
        release()

    return undo


def faketime() -> Path | None:
    """Debian's libfaketime, if it is installed."""
    found = sorted(Path("/usr/lib").glob(f"*/{FAKETIME}"))
    return found[0] if found else None


def rolling_restart() -> Fault:
    """Every process in order, one after the other, while more articles are posted. They end in
    order, so nothing may be left in doubt; what the further articles came to is judged last."""
    begun: list[Rolling] = []

    def begin(scene: Scene) -> Undo:
        begun.append(Rolling(scene.city, scene.mark))
        return begun[-1].end

    def roll(_: Scene) -> None:
        begun[-1].restart_all()

    return Fault(ROLLING, roll, strikes=0, early=1, before=begin, is_alone=True)


def _kills() -> list[Fault]:
    down = MAIL + CHAT + EXPRESS
    return [
        Fault("kill -9 express", kill("express"), strikes=5, in_doubt=EXPRESS, is_urgent=True),
        Fault("kill -9 stages", kill("stages"), strikes=1, early=3),
        Fault("kill -9 stages child", kill("stages child"), strikes=1, early=3),
        Fault("kill -9 email", kill("email"), strikes=5, in_doubt=MAIL),
        Fault("kill -9 chat", kill("chat"), in_doubt=CHAT, of="chat"),
        Fault("kill -9 fetch", kill("fetch"), strikes=2),
        Fault(
            "kill -9 web", kill_at_the_door("web"), strikes=3, before=_killed_while_posting("web")
        ),
        Fault(
            "kill -9 web child",
            kill_at_the_door("web child"),
            before=_killed_while_posting("web child"),
        ),
        Fault("kill -9 scheduler", kill("scheduler")),
        Fault("kill -9 sweeper", kill("sweeper"), early=1),
        Fault("kill -9 supervisor", kill("supervisor"), strikes=2, in_doubt=down, is_alone=True),
        Fault("kill -9 email group", kill_group, in_doubt=MAIL),
        Fault(
            "kill -9 everything",
            lambda scene: scene.city.kill_all(),
            strikes=2,
            early=1,
            in_doubt=down,
            is_alone=True,
        ),
        Fault(
            "digest, kill -9 stages child",
            kill("stages child"),
            strikes=1,
            early=3,
            is_digest=True,
            is_alone=True,
        ),
        Fault("digest, kill -9 email", kill("email"), in_doubt=MAIL, is_digest=True, is_alone=True),
        rolling_restart(),
        Fault("SIGTERM email", kill("email", signal.SIGTERM), in_doubt=MAIL),
        Fault(
            "SIGTERM supervisor",
            kill("supervisor", signal.SIGTERM),
            strikes=1,
            in_doubt=down,
            is_alone=True,
        ),
    ]


def _killed_while_posting(name: str) -> Hurt:
    """The very first post meets it too; the poster tries again, as a CMS does."""

    def hurt(scene: Scene) -> Undo:
        killer = threading.Timer(scene.chance.uniform(0, POST_S), lambda: scene.city.kill(name))
        killer.start()
        return killer.join

    return hurt


def _servers() -> list[Fault]:
    return [
        Fault("Redis kill -9", lambda s: s.city.kill_redis(is_emptied=False), early=1),
        Fault("Redis kill -9, file gone", lambda s: s.city.kill_redis(is_emptied=True), early=1),
        Fault("Redis FLUSHALL", lambda s: s.city.flush_redis(), early=2),
        Fault("Redis frozen 10 s", freeze("redis"), strikes=1, early=1, lasts_s=FREEZE_S),
        Fault(
            "PostgreSQL immediate stop",
            restart_postgres,
            early=1,
            in_doubt=MAIL + CHAT,
            only="postgresql",
            is_alone=True,
        ),
        Fault(
            "PostgreSQL frozen 10 s",
            freeze_postgres,
            strikes=2,
            lasts_s=FREEZE_S,
            in_doubt=MAIL + CHAT,
            only="postgresql",
        ),
        Fault("journal's disk full 5 s", full_disk, strikes=2, lasts_s=5.0, in_doubt=MAIL + CHAT),
        Fault("scheduler's clock ±1 h", jump_clock, strikes=2, lasts_s=10.0),
        Fault(
            "email stopped beyond its lease",
            freeze("email"),
            strikes=1,
            lasts_s=OUTLIVE_S,
            in_doubt=MAIL,
            before=second("email"),
        ),
        Fault(
            "chat stopped beyond its lease",
            freeze("chat"),
            strikes=1,
            lasts_s=OUTLIVE_S,
            in_doubt=CHAT,
            before=second("chat"),
            of="chat",
        ),
        Fault(
            "two sweepers, kill -9 email", kill("email"), in_doubt=MAIL, before=second("sweeper")
        ),
        Fault("same webhook 50 times", same_webhook, strikes=2, early=1, before=same_webhook_soon),
    ]


def same_webhook_soon(scene: Scene) -> Undo:
    """Fifty times at once from the very first on."""
    crowd = threading.Thread(target=same_webhook, args=(scene,))
    crowd.start()
    return crowd.join


def _everywhere(code: str, share: float, *more: str) -> list[Rule]:
    return [Rule(at, code, share) for at in (*more, "RCPT", "DATA", "DOT")]


def _peers() -> list[Fault]:
    return [
        Fault("SMTP 451", told("mail", *_everywhere("451", 0.05, "MAIL")), lasts_s=3.0),
        # Not at MAIL, where the sink could not tell whom it has refused.
        Fault("SMTP 550", told("mail", *_everywhere("550", 0.01)), lasts_s=3.0),
        Fault("SMTP disconnects", disconnect, strikes=2, lasts_s=20.0),
        Fault("SMTP slow", told("mail", Rule("DOT", "slow", 0.2, seconds=1.0)), lasts_s=5.0),
        Fault(
            "SMTP slower than a lease",
            told("mail", Rule("DOT", "slow", 0.2, seconds=OUTLIVE_S, times=1)),
            strikes=2,
            lasts_s=OUTLIVE_S,
            in_doubt=MAIL,
        ),
        Fault("SMTP kill -9", kill_sink, lasts_s=3.0, in_doubt=MAIL),
        *(
            Fault(
                f"chat {code}",
                told("chat", Rule("POST", code, 0.5)),
                strikes=2,
                lasts_s=3.0,
                of="chat",
            )
            for code in ("429", "500")
        ),
        Fault("chat kill -9", kill_receiver, strikes=2, lasts_s=3.0, in_doubt=CHAT, of="chat"),
        Fault(
            "chat frozen 10 s",
            freeze_receiver,
            strikes=1,
            lasts_s=FREEZE_S,
            in_doubt=CHAT * TIMEOUTS,
            of="chat",
        ),
        Fault(
            "chat drops what it took",
            told("chat", Rule("POST", "swallow", 0.3, times=4)),
            strikes=2,
            lasts_s=5.0,
            of="chat",
        ),
        Fault(
            "chat trouble, kill -9 chat",
            kill_among_trouble,
            lasts_s=3.0,
            in_doubt=CHAT,
            of="chat",
        ),
        Fault(
            "chat time-outs",
            told("chat", Rule("POST", "swallow", 0.3, seconds=8.0, times=4)),
            strikes=2,
            lasts_s=5.0,
            of="chat",
        ),
    ]


MIXED = 5  # faults in one mix


def mix(database: str, chance: random.Random) -> list[Fault]:
    """A few faults at random, each of which strikes once or twice."""
    # A rolling restart promises more than any fault beside it would let it keep.
    known = [f for f in table(database) if not (missing(f) or f.is_digest or f.name == ROLLING)]
    drawn = chance.sample(known, MIXED)
    return [replace(fault, strikes=chance.randint(1, 2), early=0) for fault in drawn]


def table(database: str) -> list[Fault]:
    """Every fault alone that can happen on this database."""
    return [fault for fault in (*_kills(), *_servers(), *_peers()) if fault.only in ("", database)]


def missing(fault: Fault) -> str:
    """What this machine lacks for a fault; empty if nothing."""
    if fault.hurt is jump_clock and faketime() is None:
        return "libfaketime is not installed (apt install libfaketime)"
    return ""
