"""What a letter costs a worker: rendered, joined, sent to a sink and settled; and its signature."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr
from sqlalchemy import func, select

from service.dkim import new_key
from service.models import Delivery, DeliveryState
from service.runtime import Runtime
from tests.bench.ledger.cost import batches
from tests.bench.ledger.scene import Scene
from tests.bench.mail.peers import sink
from tests.bench.mail.planned import plan
from tests.bench.scale.figure import Figure, spent
from workers.email import send_email_batch

SIGNING = {"dkim_selector": "bench", "dkim_domain": "tellal.example"}


def measure(scene: Scene, letters: int) -> Iterator[Figure]:
    """One process and one thread on PostgreSQL; the time of its relay, a sink, is not in it."""
    keys = {"dkim_key": SecretStr(new_key()), **SIGNING}
    for name, more in (("letter", {}), ("signed_letter", keys)):
        scene.clear()
        plan(scene, letters)
        with sink() as port:
            url = SecretStr(f"smtp://127.0.0.1:{port}")
            runtime = Runtime.start(
                scene.runtime.settings.model_copy(update={"smtp_url": url, **more})
            )
            try:
                send_all(runtime, 1)  # modules are loaded, templates compiled, links dialed
                before = sent(runtime)
                took = spent(runtime, lambda r=runtime: send_all(r))
                count = sent(runtime) - before
                assert count + before == letters
            finally:
                runtime.close()
        yield Figure(f"{name}_cpu_us", round(took.ours / count * 1e6, 1), "µs")
        yield Figure(f"{name}_database_us", round(took.database / count * 1e6, 1), "µs")
        yield Figure(f"{name}_per_s", round(count / took.wall, 1), "1/s")


def send_all(runtime: Runtime, most: int | None = None) -> None:
    for batch in list(batches(runtime))[:most]:
        send_email_batch(runtime, batch)


def sent(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        of_all = select(func.count()).select_from(Delivery)
        return session.scalar(of_all.where(Delivery.state == DeliveryState.SENT)) or 0
