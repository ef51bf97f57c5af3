"""The staff's side: pages and API. Every route names the power that it needs."""

from __future__ import annotations

from apiflask import APIFlask

from service import pages
from service.admin import (
    account_pages,
    alarms,
    api,
    articles,
    audit_log,
    bounces,
    brand,
    channel_address,
    channel_preview,
    channels,
    dead_letters,
    deliveries,
    domains,
    entrance,
    imports,
    jobs,
    key_pages,
    mail_templates,
    me_pages,
    models,
    navigation,
    notices,
    oidc_pages,
    review,
    sign_in,
    sources,
    staff_places,
    staff_topics,
    statistics,
    subscribers,
    suppressions,
    today,
    webhooks,
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
        webhooks.blueprint(),
        channel_address.blueprint(),
        channel_preview.blueprint(),
        deliveries.blueprint(),
        dead_letters.blueprint(),
        alarms.blueprint(),
        domains.blueprint(),
        review.blueprint(),
        staff_topics.blueprint(),
        staff_places.blueprint(),
        models.blueprint(),
        sources.blueprint(),
        mail_templates.blueprint(),
        notices.blueprint(),
        brand.blueprint(),
        jobs.blueprint(),
        audit_log.blueprint(),
        subscribers.blueprint(),
        imports.blueprint(),
        suppressions.blueprint(),
        bounces.blueprint(),
        statistics.blueprint(),
        entrance.blueprint(),
        oidc_pages.blueprint(),
        account_pages.blueprint(),
        key_pages.blueprint(),
        me_pages.blueprint(),
    ):
        part.before_request(pages.refuse_nul)
        pages.protect_forms(part)
        pages.register_pages(app, part)
    api.register(app)
