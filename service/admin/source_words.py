"""What staff read of a CMS: what its preset is for, and where its settings go."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

# What would become of a topic, and of an article, in a dry run.
BANDS: dict[str, LazyString] = {
    "publish": _("Published"),
    "review": _("In review"),
    "drop": _("Dropped"),
}
STATES: dict[str, LazyString] = {
    "none": _("None"),
    "published": _("Published"),
    "withdrawn": _("Withdrawn"),
}

# Whether a preset is the right one. Presets of the city's own have no such sentence.
HINTS: dict[str, LazyString] = {
    "tellal": _("For a sender that you write yourself: each wrong field is answered by name."),
    "wordpress": _("WordPress with the plugin WP Webhooks. It sends once: pull as well."),
    "wordpress-rest": _("Objects of the WordPress REST interface, posted by a plugin of your own."),
    "drupal": _("Drupal 10 or 11 with the module webhooks."),
    "ghost": _("Ghost 5 or 6. Its signature covers the time."),
    "strapi": _("Strapi 4 or 5. It does not sign: a token proves who calls, not the text."),
    "directus": _("A Directus flow. It sends changed fields alone, so its API is asked too."),
    "contentful": _("Contentful with request verification. It has no addresses of its own."),
    "sanity": _("A Sanity GROQ webhook with a secret."),
    "typo3": _("TYPO3 12.4 or later. The identifier of the webhook is signed too."),
    "umbraco": _("Umbraco 16. It does not sign, and its Delivery API is asked for the text."),
    "standard-webhooks": _("Any sender of Standard Webhooks whose data is an article."),
    "cloudevents": _("Any sender of CloudEvents, one event a request."),
    "cloudevents-batch": _("Any sender of CloudEvents, several events a request."),
    "json-ld": _("A schema.org NewsArticle, posted as it stands in the page."),
    "entry": _("Items of a feed or a list, posted by a reader of your own; pulling needs it not."),
}

# Where address and secret are pasted, in the words of the CMS’s own menus.
PASTE: dict[str, LazyString] = {
    "wordpress": _(
        "In WordPress: WP Webhooks → Send Data. Add the address to post_create, post_update, "
        "post_trash and post_delete; format JSON; the secret goes into “signature”."
    ),
    "drupal": _(
        "In Drupal: Configuration → Web services → Webhooks. Outgoing, events "
        "entity:node:create, update and delete, type JSON, with the secret."
    ),
    "ghost": _(
        "In Ghost: Settings → Integrations → Add custom integration. A webhook with this address "
        "and this secret for each post event."
    ),
    "strapi": _(
        "In Strapi: Settings → Webhooks. This address, the entry events, and the header "
        "Authorization with the value Bearer and the token."
    ),
    "directus": _(
        "In Directus: a flow with an event hook and the operation “Webhook / Request URL”, body "
        "{{ $trigger }}, header Authorization with the value Bearer and the token."
    ),
    "typo3": _(
        "In TYPO3: System → Webhooks, type page modification, with this address and this secret."
    ),
    "contentful": _(
        "In Contentful: Settings → Webhooks, entry events alone. The secret goes into "
        "“Request verification”."
    ),
    "sanity": _("In Sanity: API → Webhooks, on create, update and delete, with this secret."),
    "umbraco": _(
        "In Umbraco: Settings → Webhooks, the content events, and the header Authorization with "
        "the value Bearer and the token."
    ),
}
SIGN = _("Sign each request by Standard Webhooks 1.0 with this secret.")
BEARER = _("Send the token with each request as the header Authorization: Bearer and the token.")


def paste(preset: str, scheme: str) -> LazyString:
    """Where address and secret go."""
    return PASTE.get(preset) or (BEARER if scheme == "bearer" else SIGN)


BADGES = {
    "signed": (_("Signed"), "good"),
    "unsigned": (_("Unsigned: proves the caller, not the text"), "bad"),
    "no replay protection": (_("An old request can be sent again"), "warn"),
    "unknown scheme": (_("Unknown scheme"), "bad"),
}
VERDICT = {
    "accepted": (_("Accepted"), "good"),
    "unchanged": (_("Unchanged"), ""),
    "ignored": (_("Ignored"), ""),
    "quarantined": (_("Quarantined"), "bad"),
    "failed": (_("Failed"), "bad"),
    "pending": (_("CMS is asked"), "warn"),
}
MATCHED = {
    "current": _("the current secret"),
    "previous": _("the previous secret: the CMS still has the old one"),
    "": _("no request yet"),
}
PULL_KINDS = {
    "wordpress": _("WordPress REST interface"),
    "feed": _("RSS or Atom feed"),
    "sitemap": _("Sitemap"),
    "html": _("A page that links to the articles (last resort)"),
}
PULL_STATES = {
    "active": (_("Active"), "good"),
    "asking": (_("Asks: news or archive?"), "warn"),
    "paused": (_("Paused"), "warn"),
}
