"""The chat services that we speak to by ourselves, one file each; Apprise speaks to all others.

To add one: write a file with a class that is a `Provider` (and an `Editor`, where the service lets
a message be changed), name it in `PROVIDERS`, and its limits in `config/chat.yaml`.
"""

from __future__ import annotations

from workers.chat.providers.by_apprise import ByApprise
from workers.chat.providers.discord import Discord
from workers.chat.providers.json_hook import JsonHook
from workers.chat.providers.matrix import Matrix
from workers.chat.providers.ntfy import Ntfy
from workers.chat.providers.provider import Editor, Provider, Receipt
from workers.chat.providers.slack import Slack
from workers.chat.providers.telegram import Telegram

__all__ = ["PROVIDERS", "Editor", "Provider", "Receipt", "provider_of"]

PROVIDERS: tuple[Provider, ...] = (
    Telegram(),
    Discord(),
    Slack(),
    Ntfy(),
    Matrix(),
    JsonHook(),
)
_BY_SCHEME = {scheme: provider for provider in PROVIDERS for scheme in provider.schemes}
_OTHERS = ByApprise()


def provider_of(scheme: str) -> Provider:
    """Who sends to addresses of this scheme."""
    return _BY_SCHEME.get(scheme, _OTHERS)
