"""Typed settings from the environment: every `TELLAL_…` variable, and `TELLAL_…_FILE` for each.

One file a subject; `Settings` is all of them. Nothing leaves unless it is configured (design,
invariant 17): without an SMTP host mail goes to the built-in mailbox, without a channel there is
no chat.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.setting_sources import PREFIX, SettingsError
from service.settings.address import Address
from service.settings.arrival import Bounces, Canaries
from service.settings.chat import CHAT_SCHEMES, Chat
from service.settings.city import City
from service.settings.delivery import Delivery
from service.settings.feeds import Feeds
from service.settings.privacy import Privacy
from service.settings.relays import Pace, Relays
from service.settings.security import Security, make_keys, require_keys
from service.settings.sender import Sender, Signature
from service.settings.staff import STAFF_ROLES, SignIn
from service.settings.stores import Stores
from service.settings.watching import Watching

__all__ = [
    "CHAT_SCHEMES",
    "STAFF_ROLES",
    "Settings",
    "SettingsError",
    "load",
    "make_keys",
    "require_keys",
]


class Settings(
    Watching,
    SignIn,
    Privacy,
    Delivery,
    City,
    Sender,
    Feeds,
    Canaries,
    Bounces,
    Pace,
    Chat,
    Security,
    Signature,
    Relays,
    Stores,
    Address,
):
    """All settings. The description of each is its documentation (`tellal config dump`).

    Pydantic begins with the last base: read upwards, this is the order of that list.
    """


def load(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a value is malformed; each is named in one line.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_line, error.errors()))) from error


def _line(error: ErrorDetails) -> str:
    """One wrong setting; an error of ours names its settings itself where there are several."""
    said = error["msg"].removeprefix("Value error, ")
    name = ".".join(map(str, error["loc"])).upper()
    return f"{PREFIX}{name}: {said}" if name else said
