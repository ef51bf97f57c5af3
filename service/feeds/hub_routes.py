"""`POST /hub`: the door of our WebSub hub."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from service.db import utcnow
from service.feeds import hub as rules
from service.feeds.hub import Asked, HubRefusal, Leases
from service.feeds.hub_subscriptions import accept, has_live
from service.feeds.routes import serving
from service.ledger.batches import ring_batch_soon
from service.limits import client
from service.runtime import Runtime

hub = APIBlueprint("hub", __name__)

MAX_BYTES = 16 * 1024  # of a request
MEDIA_TYPE = "application/x-www-form-urlencoded"
# Each request that is taken makes us send one to somebody whom its sender names, so there are
# limits by who asks, by whose host is asked, and for all together.
PER_CLIENT = "60/minute;600/hour"
PER_HOST = "20/minute;120/hour"
PER_KNOWN_HOST = "600/minute;6000/hour"  # that has confirmed a callback of its own
FOR_ALL = "1200/minute;12000/hour"
WAIT_S = 60  # what whoever is over a limit is told to wait


@hub.post("/hub")
@hub.doc(hide=True)  # its parameters are those of the Recommendation: docs/feeds.md
def ask() -> Response:
    """Take a request to subscribe or unsubscribe: 202, and the callback is asked soon."""
    runtime: Runtime = current_app.extensions["tellal"]
    try:
        if not runtime.limits.allow(PER_CLIENT, f"hub:{client()}"):
            raise HubRefusal("You ask this hub too often.", 429)
        asked = _read(runtime)
        _count(runtime, asked)
        with runtime.db.write() as session:
            most = runtime.settings.websub_max_subscribers
            batch = accept(session, runtime.vault, asked, most, utcnow(), g.request_id)
    except HubRefusal as refusal:
        headers = {"Retry-After": str(WAIT_S)} if refusal.status == 429 else None
        return _said(f"{refusal}\n", refusal.status, headers)
    ring_batch_soon(runtime.doorbell, batch)
    return _said("The callback will be asked.\n", 202)


def _read(runtime: Runtime) -> Asked:
    if request.mimetype != MEDIA_TYPE:
        raise HubRefusal(f"Send a form: {MEDIA_TYPE}.", 415)
    request.max_content_length = MAX_BYTES
    try:
        form = request.form.to_dict(flat=False)
    except RequestEntityTooLarge:
        raise HubRefusal(f"A request has at most {MAX_BYTES} bytes.", 413) from None
    settings = runtime.settings
    return rules.read(
        form,
        serving().publisher,
        serving().clock.state(),
        Leases(settings.websub_lease_s, settings.websub_min_lease_s, settings.websub_max_lease_s),
        settings.websub_private_hosts,
    )


def _count(runtime: Runtime, asked: Asked) -> None:
    host = asked.callback.host
    with runtime.db.read() as session:
        is_known = has_live(session, host, utcnow())
    limits = PER_KNOWN_HOST if is_known else PER_HOST
    if not runtime.limits.allow(limits, f"hub-host:{host}"):
        raise HubRefusal("Callbacks of this host are asked too often.", 429)
    if not runtime.limits.allow(FOR_ALL, "hub-all"):
        raise HubRefusal("This hub is asked too much at the moment.", 429)


def _said(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, content_type="text/plain; charset=utf-8")
