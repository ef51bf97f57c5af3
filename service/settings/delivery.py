"""The way of an article to its readers: review, urgent news, and when sending is tried again."""

from __future__ import annotations

from pydantic import Field

from service.settings.part import Part


class Delivery(Part):
    """How long articles and letters wait, and for whom."""

    review_wait_s: int = Field(
        7200, ge=0, description="Seconds an article without a topic waits for review."
    )
    review_alarm_h: int = Field(
        24,
        ge=0,
        le=168,
        description="Hours that a question may wait for review before staff are alarmed; 0: never.",
    )
    urgent_approvals: int = Field(
        2,
        ge=1,
        le=3,
        description="How many of the staff must approve an urgent notice before it breaks quiet "
        "hours and goes to readers of summaries at once.",
    )
    lease_s: int = Field(
        60,
        ge=5,
        le=3600,
        description="Seconds until the batch of a worker that stands still is given to another.",
    )
    retry_first_s: int = Field(
        300,
        ge=1,
        le=14_400,
        description="Seconds until a delivery that was put off is tried again; doubles to 4 hours.",
    )
    unknown_delay_s: int = Field(
        30,
        ge=1,
        le=86_400,
        description="Seconds until an email whose answer never came is sent again.",
    )
    unknown_resends: int = Field(
        1,
        ge=0,
        le=10,
        description="How often an email whose answer never came is sent again, each time under the "
        "same Message-ID; 0: never. A chat message never is.",
    )
    peer_wait_s: int = Field(
        30, ge=1, le=3600, description="Seconds that a batch waits when the relay takes nothing."
    )
