"""Feeds, and the WebSub hub that tells their subscribers."""

from __future__ import annotations

from pydantic import Field

from service.settings.part import Names, Part


class Feeds(Part):
    """Freshness, memory and archives of feeds; leases and subscribers of the hub."""

    feed_look_s: float = Field(
        0.25,
        ge=0,
        le=1,
        description="How often, in seconds, each web process asks whether any feed has changed; a "
        "new article is in its feeds at most so much later.",
    )
    feed_cache_mb: int = Field(
        64,
        ge=8,
        le=4096,
        description="Memory, in megabytes, that each web process may keep for feeds: articles as "
        "they stand in them, and whole bodies of those that are asked for most.",
    )
    feed_close_days: int = Field(
        7,
        ge=0,
        le=60,
        description="How many days after its end a month of the feeds' archives is closed: its "
        "documents never change from then on, and what is corrected later stands in a later month.",
    )
    websub_lease_s: int = Field(
        864_000,
        ge=60,
        description="How long, in seconds, a subscription at our WebSub hub lasts where its "
        "subscriber asks for no time.",
    )
    websub_min_lease_s: int = Field(
        3_600, ge=1, description="The shortest lease, in seconds, that the hub gives."
    )
    websub_max_lease_s: int = Field(
        2_592_000, ge=60, description="The longest lease, in seconds, that the hub gives."
    )
    websub_max_subscribers: int = Field(
        10_000,
        ge=0,
        description="Subscriptions that the hub serves at a time; 0 takes no new ones.",
    )
    websub_private_hosts: Names = Field(
        (),
        description="Internal hosts that subscribers of our hub, who are strangers, may name as "
        "callbacks, joined by commas; those of TELLAL_ALLOW_PRIVATE_HOSTS they may not. "
        "Empty: none.",
    )
    websub_outside_hubs: Names = Field(
        (),
        description="Addresses of other WebSub hubs, joined by commas, that are told which feeds "
        "have changed (hub.mode=publish). Empty: none.",
    )
