"""`/v1/admin`: what the staff's pages do, for programs; every route names the power that it needs.

Programs sign in with an API key, never with a cookie, so there is nothing for another site to
forge. Errors are problem details (RFC 9457).
"""

from __future__ import annotations

from apiflask import APIFlask

from service.admin.api import accounts, channels, keys
from service.admin.api import audit_log, channels, jobs, mail_templates, notices
from service.admin.api import channels, statistics
from service.admin.api import bounces, channels, imports, subscribers, suppressions
from service.admin.api import channels, source_events
from service.admin.api import channels, review
from service.admin.api import channels, models, places, review, topics
from service.admin.api import alarms, channels, dead_letters, deliveries, domains, today
from service.admin.api import articles, channels
from service.admin.api.entering import SCHEME


def register(app: APIFlask) -> None:
    """Add the routes of each part."""
    app.security_schemes = {SCHEME: {"type": "http", "scheme": "bearer"}}
    for part in (
        channels.api,
        accounts.api,
        keys.api,
        mail_templates.api,
        notices.api,
        jobs.api,
        audit_log.api,
        statistics.api,
        subscribers.api,
        imports.api,
        suppressions.api,
        bounces.api,
        source_events.api,
    ):
    for part in (channels.api, review.api):
    for part in (channels.api, review.api, topics.api, places.api, models.api):
        today.api,
        deliveries.api,
        dead_letters.api,
        alarms.api,
        domains.api,
    ):
    for part in (articles.api, channels.api):
        app.register_blueprint(part)
