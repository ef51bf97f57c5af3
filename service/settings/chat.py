"""Chat: kinds of channel that staff may add, and the services citizens may have news sent to."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from service.personal_chat import Offer, kinds_of, origins_of
from service.settings.part import Names
from service.settings.security import Security

CHAT_SCHEMES = (
    *("slack", "discord", "tgram", "matrix", "matrixs", "mmost", "mmosts", "rocket", "rockets"),
    *("ntfy", "ntfys", "workflows", "gchat", "zulip", "json", "jsons"),
    "webhook",
)


class Chat(Security):
    """Channels of staff, and personal chat by ntfy, Matrix and Telegram."""

    chat_schemes: Names = Field(
        CHAT_SCHEMES,
        description="Kinds of address that staff may add as channels, joined by commas: schemes of "
        "Apprise, and webhook for https addresses of developers. What others would reach: "
        "docs/chat-addresses.md.",
    )
    personal_chat: Names = Field(
        (),
        description="Kinds of chat that citizens may have news sent to, joined by commas: ntfy, "
        "matrix, telegram (docs/personal-chat.md). Empty: none.",
    )
    ntfy_hosts: Names = Field(
        (), description="ntfy servers on which citizens may name a topic, joined by commas."
    )
    ntfy_token: SecretStr = Field(
        SecretStr(""), description="Access token of the city at the one ntfy server, if it asks."
    )
    matrix_homeserver: str = Field(
        "", description="Where the city's Matrix account lives, for example matrix.example.org."
    )
    matrix_user: str = Field("", description="That account, for example @news:example.org.")
    matrix_token: SecretStr = Field(SecretStr(""), description="Access token of that account.")
    matrix_hosts: Names = Field(
        (),
        description="Matrix servers whose rooms and people may be written to, joined by commas.",
    )
    telegram_bot: str = Field("", description="Name of the city's Telegram bot, without @.")
    telegram_token: SecretStr = Field(
        SecretStr(""), description="Token of that bot, as BotFather gave it."
    )
    chat_hosts_at_home: Names = Field(
        (),
        description="Chat servers of these lists that stand in the country; to have news sent "
        "through any other one citizens consent separately. Joined by commas.",
    )

    @model_validator(mode="after")
    def _offers_what_it_can(self) -> Self:
        self.chat_offer.checked()
        return self

    @property
    def chat_offer(self) -> Offer:
        """Which personal chats citizens may have news sent to.

        Raises:
            ValueError: a host or a kind is malformed; never of settings that were loaded.
        """
        internal = {host.lower() for host in self.allow_private_hosts}
        homeserver = (self.matrix_homeserver,) if self.matrix_homeserver else ()
        ours = origins_of(homeserver, internal, "TELLAL_MATRIX_HOMESERVER")
        return Offer(
            kinds=kinds_of(self.personal_chat),
            ntfy=origins_of(self.ntfy_hosts, internal, "TELLAL_NTFY_HOSTS"),
            ntfy_token=self.ntfy_token.get_secret_value(),
            matrix_origin=next(iter(ours.values()), ""),
            matrix_user=self.matrix_user,
            matrix_token=self.matrix_token.get_secret_value(),
            matrix_hosts=tuple(origins_of(self.matrix_hosts, internal, "TELLAL_MATRIX_HOSTS")),
            telegram_bot=self.telegram_bot.removeprefix("@"),
            telegram_token=self.telegram_token.get_secret_value(),
            at_home=frozenset(host.lower() for host in self.chat_hosts_at_home),
        )
