"""Pages for citizens: news, topics, sign-up, the links in mails, and the built-in mailbox."""

from __future__ import annotations

from apiflask import APIFlask

from service import pages
from service.citizen import (
    accessibility,
    address,
    api_docs,
    archive,
    article,
    canonical,
    discovery,
    display,
    embed,
    links,
    mailbox,
    my,
    my_data,
    my_feed,
    my_settings,
    my_targets,
    security_txt,
    sign_in,
    sitemaps,
    subscribe,
    topics,
    wrong_topic,
)


def register(app: APIFlask) -> None:
    """Add the pages, each in every language of the brand."""
    discovery.register(app)
    runtime = pages.runtime_of(app)
    limits = pages.limits_of(app)
    parts = [
        topics.blueprint(),
        archive.blueprint(limits),
        article.blueprint(),
        subscribe.blueprint(limits, runtime.settings),
        embed.blueprint(limits),
        links.blueprint(),
        sign_in.blueprint(limits),
        my.blueprint(),
        my_feed.blueprint(),
        my_settings.blueprint(limits),
        address.blueprint(),
        my_targets.blueprint(limits),
        my_data.blueprint(limits),
        wrong_topic.blueprint(limits),
        api_docs.blueprint(),
        accessibility.blueprint(),
        display.blueprint(),
    ]
    if not runtime.settings.smtp_url.get_secret_value():
        parts.append(mailbox.blueprint())  # with a real mail server there is no such page
    app.register_blueprint(sitemaps.blueprint(limits))
    app.register_blueprint(security_txt.blueprint())
    for part in parts:
        part.context_processor(canonical.shared)
        pages.register_pages(app, part)
