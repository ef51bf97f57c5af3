"""`/v1/admin`: what the staff's pages do, for programs; every route names the power that it needs.

Programs sign in with an API key, never with a cookie, so there is nothing for another site to
forge. Errors are problem details (RFC 9457).
"""

from __future__ import annotations

from apiflask import APIFlask

from service.admin.api import (
    accounts,
    alarms,
    articles,
    audit_log,
    bounces,
    channel_address,
    channel_preview,
    channels,
    dead_letters,
    deliveries,
    domains,
    imports,
    jobs,
    keys,
    mail_templates,
    models,
    notices,
    places,
    review,
    source_events,
    statistics,
    subscribers,
    suppressions,
    today,
    topics,
    webhooks,
)
from service.admin.api.entering import SCHEME


def register(app: APIFlask) -> None:
    """Add the routes of each part."""
    app.security_schemes = {SCHEME: {"type": "http", "scheme": "bearer"}}
    for part in (
        today.api,
        articles.api,
        review.api,
        deliveries.api,
        dead_letters.api,
        alarms.api,
        source_events.api,
        channels.api,
        webhooks.api,
        channel_address.api,
        channel_preview.api,
        domains.api,
        topics.api,
        places.api,
        models.api,
        mail_templates.api,
        notices.api,
        subscribers.api,
        imports.api,
        suppressions.api,
        bounces.api,
        statistics.api,
        jobs.api,
        accounts.api,
        keys.api,
        audit_log.api,
    ):
        app.register_blueprint(part)
