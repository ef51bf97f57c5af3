"""The staff's side: pages and API. Every route names the power that it needs."""

from __future__ import annotations

from apiflask import APIFlask

from service import pages
from service.admin import (
    account_pages,
    api,
    articles,
    channels,
    entrance,
    key_pages,
    me_pages,
    navigation,
    oidc_pages,
    api,
    articles,
    audit_log,
    brand,
    channels,
    jobs,
    mail_templates,
    navigation,
    notices,
    sign_in,
    today,
)
from service.admin import api, articles, channels, navigation, sign_in, statistics, today
    api,
    articles,
    bounces,
    channels,
    imports,
    navigation,
    sign_in,
    subscribers,
    suppressions,
    today,
)
from service.admin import api, articles, channels, navigation, sign_in, sources, today
from service.admin import api, articles, channels, navigation, review, sign_in, today
    api,
    articles,
    channels,
    models,
    navigation,
    review,
    sign_in,
    staff_places,
    staff_topics,
    today,
)
    alarms,
    api,
    articles,
    channels,
    dead_letters,
    deliveries,
    domains,
    navigation,
    sign_in,
    today,
)


def register(app: APIFlask) -> None:
    """Add sign-in, the staff's pages in every language, and their API."""
    sign_in.register(app)
    navigation.register(app)
    oidc_pages.register(app)
    for part in (
        today.blueprint(),
        articles.blueprint(),
        channels.blueprint(),
        entrance.blueprint(),
        oidc_pages.blueprint(),
        account_pages.blueprint(),
        key_pages.blueprint(),
        me_pages.blueprint(),
        mail_templates.blueprint(),
        notices.blueprint(),
        brand.blueprint(),
        jobs.blueprint(),
        audit_log.blueprint(),
        statistics.blueprint(),
        subscribers.blueprint(),
        imports.blueprint(),
        suppressions.blueprint(),
        bounces.blueprint(),
        sources.blueprint(),
        review.blueprint(),
        staff_topics.blueprint(),
        staff_places.blueprint(),
        models.blueprint(),
        deliveries.blueprint(),
        dead_letters.blueprint(),
        alarms.blueprint(),
        domains.blueprint(),
    ):
        pages.protect_forms(part)
        pages.register_pages(app, part)
    api.register(app)
