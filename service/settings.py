"""Typed settings from the environment: every `TELLAL_…` variable, and `TELLAL_…_FILE` for each.

Nothing leaves unless it is configured (design, invariant 17): without an SMTP host mail goes to the
built-in mailbox, without a channel there is no chat.
"""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.brand import Brand
from service.dkim import NAME, signing_key
from service.personal_chat import Offer, kinds_of, origins_of
from service.setting_sources import (
    KEYS,
    PREFIX,
    BrandFile,
    SecretFiles,
    SettingsError,
    VarFolder,
    brand_of,
)
from service.smtp import Server, verifying

CHAT_SCHEMES = (
    *("slack", "discord", "tgram", "matrix", "matrixs", "mmost", "mmosts", "rocket", "rockets"),
    *("ntfy", "ntfys", "workflows", "gchat", "zulip", "json", "jsons"),
    "webhook",
)
STAFF_ROLES = (
    *("viewer", "reviewer", "editor", "channel-manager", "privacy-officer", "administrator"),
)


class Settings(BaseSettings):
    """All settings. The description of each is its documentation (`tellal config dump`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    var_dir: Path = Field(Path("var"), description="Folder for data, keys and logs of `tellal up`.")
    config_dir: Path = Field(
        Path(__file__).parent.parent / "config",
        description="Folder with topics.yaml, places.yaml and the other files an operator edits.",
    )
    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port that the web server listens on.")
    base_url: str = Field("", description="Public address, without a slash at the end.")
    database_url: SecretStr = Field(
        SecretStr(""), description="sqlite:///… or postgresql+psycopg://…; empty: SQLite in var."
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="redis://… of the broker and of rate limits; empty: a private Redis in var.",
    )
    amqp_url: SecretStr = Field(
        SecretStr(""),
        description="amqp://user:password@host:5672/vhost or amqps://… of RabbitMQ, which then "
        "carries the tasks; Redis stays for rate limits (docs/scale.md). Empty: Redis does both.",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtp://user:password@host:port, smtp+starttls://… or smtps://…; "
        "empty: mail goes to /dev/mailbox.",
    )
    smtp_more_urls: SecretStr = Field(
        SecretStr(""),
        description="Further relays that share the mail with TELLAL_SMTP_URL, joined by spaces; "
        "#weight=2 at the end of any of them gives it twice the connections. One that is away is "
        "left out until it is back (docs/scale.md).",
    )
    smtp_fallback_url: SecretStr = Field(
        SecretStr(""),
        description="A last relay, used while none of the others can be reached, or they only "
        "hang up.",
    )
    smtp_ca: str = Field(
        "",
        description="Certificates (PEM) of authorities of your own that relays may have theirs "
        "from, beside those that this machine trusts; best by TELLAL_SMTP_CA_FILE.",
    )
    dkim_key: SecretStr = Field(
        SecretStr(""),
        description="RSA key (PEM) that signs mail, best by TELLAL_DKIM_KEY_FILE; made by "
        "`tellal mail key`. Empty: the relay signs.",
    )
    dkim_selector: str = Field("", description="Name under which the DNS publishes that key.")
    dkim_domain: str = Field(
        "",
        description="Domain that signs: that of TELLAL_MAIL_FROM (if empty) or one above it.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs cookies and tokens; 32 random bytes or more."
    )
    encryption_key: SecretStr = Field(
        SecretStr(""),
        description="Fernet keys that encrypt stored secrets, newest first, joined by commas.",
    )
    allow_private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Internal hosts that outbound requests may reach, joined by commas."
    )
    chat_schemes: Annotated[tuple[str, ...], NoDecode] = Field(
        CHAT_SCHEMES,
        description="Kinds of address that staff may add as channels, joined by commas: schemes of "
        "Apprise, and webhook for https addresses of developers. What others would reach: "
        "docs/chat-addresses.md.",
    )
    personal_chat: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Kinds of chat that citizens may have news sent to, joined by commas: ntfy, "
        "matrix, telegram (docs/personal-chat.md). Empty: none.",
    )
    ntfy_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
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
    matrix_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Matrix servers whose rooms and people may be written to, joined by commas.",
    )
    telegram_bot: str = Field("", description="Name of the city's Telegram bot, without @.")
    telegram_token: SecretStr = Field(
        SecretStr(""), description="Token of that bot, as BotFather gave it."
    )
    chat_hosts_at_home: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Chat servers of these lists that stand in the country; to have news sent "
        "through any other one citizens consent separately. Joined by commas.",
    )
    mail_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes of `tellal up` that send mail: one a core where letters are signed.",
    )
    mail_warmup: int = Field(
        0,
        ge=0,
        description="Letters that each provider gets on the first day from a new sending address, "
        "for example 500; more each good day. What is beyond waits, and is news for a day only. "
        "0: no limit.",
    )
    bounce_lmtp: str = Field(
        "",
        description="Where the intake of bounces, complaints and mailed unsubscribes listens for a "
        "mail server: host:port, or the path of a unix socket (LMTP, docs/bounces.md). Empty: off.",
    )
    bounce_imap_url: SecretStr = Field(
        SecretStr(""),
        description="imaps://user:password@host/INBOX of a mailbox of its own in which such mail "
        "arrives; read every minute. What was understood is deleted there. Empty: off.",
    )
    complaint_address: str = Field(
        "",
        description="Address to which mailbox providers send complaints (feedback loop); empty: "
        "fbl@ at the domain of TELLAL_MAIL_FROM.",
    )
    canary_email: str = Field(
        "",
        description="Address of the city's own that is told of every article, to prove that mail "
        "arrives: its letters must come into the mailbox that TELLAL_BOUNCE_LMTP or "
        "TELLAL_BOUNCE_IMAP_URL reads; where none is read, the relay's word is all there is. "
        "It counts as no reader (docs/canary.md). Empty: off.",
    )
    canary_channel: str = Field(
        "",
        description="Name of a channel of the city's own that hears of everything, to prove that "
        "chat services accept what they are sent. Empty: off.",
    )
    canary_feed: str = Field(
        "",
        description="Public address of the city's feed of all news, as readers reach it, for "
        "example https://haber.example.org/feeds/all.atom: fetched to prove that each article is "
        "in it. Empty: off.",
    )
    canary_limit_s: int = Field(
        3600,
        ge=60,
        le=43_200,
        description="Seconds after its release in which a canary must have heard of an article, "
        "else it is an alarm. Longer than it takes to tell all readers: a canary stands in their "
        "line.",
    )
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
    websub_private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Internal hosts that subscribers of our hub, who are strangers, may name as "
        "callbacks, joined by commas; those of TELLAL_ALLOW_PRIVATE_HOSTS they may not. "
        "Empty: none.",
    )
    websub_outside_hubs: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses of other WebSub hubs, joined by commas, that are told which feeds "
        "have changed (hub.mode=publish). Empty: none.",
    )
    mail_from: str = Field(
        "haber@tellal.example", description="Address that mail comes from, else that of brand.yaml."
    )
    city_name: str = Field("", description="Name that people see; empty: that of brand.yaml.")
    sitemap_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts of the city's own sites whose robots.txt names our /sitemap.xml, joined "
        "by commas: the articles' addresses there are in our sitemaps too.",
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded-For is believed."
    )
    timezone: str = Field("Europe/Istanbul", description="The city's time zone.")
    confirmation_mails_per_hour: int = Field(
        2000,
        ge=1,
        description="Most sign-ups an hour, of all people together, that get a confirmation mail; "
        "further ones are asked to wait. It keeps the form from being used to flood mailboxes.",
    )
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
    ledger_days: int = Field(
        90,
        ge=7,
        le=36_500,
        description="Days after its end that the ledger knows to whom a notification went; then "
        "counts alone are kept. The rows go within nine days more.",
    )
    job_file_days: int = Field(
        30,
        ge=1,
        le=365,
        description="Days that the files of jobs of the staff are kept, such as an import's list.",
    )
    backup_days: int = Field(
        90,
        ge=1,
        le=36_500,
        description="Days that backups of the database are kept. For so long it is remembered, as "
        "keyed hashes, who erased their data, so that a restored backup loses them again.",
    )
    erasures_file: str = Field(
        "",
        description="File of those keyed hashes. It must not be restored together with the "
        "database: put it on another disk, or copy it away. Empty: erasures.log in var.",
    )
    abroad: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="Kinds of channel that send through a service abroad, with its name: "
        "email=Example Relay,ntfy=Example Push. People are asked for a consent of its own, also "
        "for chats on servers that are not in TELLAL_CHAT_HOSTS_AT_HOME.",
    )
    staff_second_factor: Literal["required", "optional"] = Field(
        "required",
        description="Whether staff with a password must have a second factor, a code of an app, or "
        "may have one (optional). Who has none is led to set one up at the next sign-in.",
    )
    oidc_issuer: str = Field(
        "",
        description="Issuer of the city's own sign-in (OpenID Connect), https://…; staff then sign "
        "in there, and passwords are for the break-glass account alone. Empty: passwords.",
    )
    oidc_client_id: str = Field("", description="Name under which the issuer knows Tellal.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Secret that the issuer gave with that name."
    )
    oidc_group_claim: str = Field(
        "groups", description="Claim of the ID token that lists somebody's groups."
    )
    oidc_roles: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (),
        description="Which group gives which role, joined by semicolons: "
        "press-office=editor;it=administrator. Who is in none of them is refused.",
    )
    env: Literal["production", "test"] = Field(
        "production", description="production, or test: only then TELLAL_TEST_NOW counts."
    )
    test_now: float | None = Field(
        None, description="Seconds since 1970 at which the door's clock stands still, for tests."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="What Prometheus must send to read /metrics (Authorization: Bearer …), 16 "
        "characters or more; best by TELLAL_METRICS_TOKEN_FILE (docs/monitoring.md). Empty: there "
        "is no such address.",
    )
    otlp_endpoint: str = Field(
        "",
        description="Where traces go, by OTLP over HTTP: http://collector:4318 for example. Needs "
        "the extra `tracing`. Empty: none are made.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        more = (SecretFiles, VarFolder, BrandFile)
        return init_settings, env_settings, *(source(settings_cls) for source in more)

    @field_validator(
        *("allow_private_hosts", "chat_schemes", "personal_chat", "ntfy_hosts", "matrix_hosts"),
        *("chat_hosts_at_home", "sitemap_hosts", "websub_private_hosts", "websub_outside_hubs"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(value)

    @field_validator("abroad", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        found = {kind.strip().lower(): name.strip() for kind, _, name in pairs}
        if not all(kind and name for kind, name in found.items()):
            raise ValueError("write kind=name pairs joined by commas, as in email=Example Relay")
        return found

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _group_roles(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # A group may be a distinguished name, with commas and equals signs of its own.
        pairs = [part.rpartition("=") for part in value.split(";") if part.strip()]
        found = tuple((group.strip(), role.strip()) for group, _, role in pairs)
        if not all(group and role for group, role in found):
            raise ValueError("write group=role pairs joined by semicolons, as in press=editor")
        return found

    @model_validator(mode="after")
    def _knows_its_issuer(self) -> Self:
        """The city's sign-in needs all of its settings or none."""
        if not self.oidc_issuer:
            return self
        if not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("TELLAL_OIDC_ISSUER needs TELLAL_OIDC_CLIENT_ID and …_CLIENT_SECRET")
        parts = urlsplit(self.oidc_issuer)
        is_internal = (parts.hostname or "") in {one.lower() for one in self.allow_private_hosts}
        if not parts.hostname or (parts.scheme != "https" and not is_internal):
            raise ValueError("TELLAL_OIDC_ISSUER must be an https address")
        wrong = [role for _, role in self.oidc_roles if role not in STAFF_ROLES]
        if wrong or not self.oidc_roles:
            raise ValueError(f"TELLAL_OIDC_ROLES maps groups to these: {', '.join(STAFF_ROLES)}")
        return self

    @field_validator("test_now", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="before")
    @classmethod
    def _has_name(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A city without a name of its own is called as its brand says."""
        if not values.get("city_name"):
            folder = values.get("config_dir") or cls.model_fields["config_dir"].default
            values["city_name"] = _name(brand_of(Path(folder).expanduser()))
        return values

    @field_validator("canary_feed")
    @classmethod
    def _fetched(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("https", "http") or not parts.hostname):
            raise ValueError("write the feed's address, as in https://example.org/feeds/all.atom")
        return value

    @field_validator("var_dir", "config_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("dkim_key")
    @classmethod
    def _signs(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            signing_key(value.get_secret_value())
        return value

    @field_validator("smtp_url", "smtp_fallback_url")
    @classmethod
    def _is_a_relay(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            Server.of(value.get_secret_value())
        return value

    @field_validator("amqp_url")
    @classmethod
    def _is_a_broker(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("amqp://", "amqps://")):
            raise ValueError("begins with neither amqp:// nor amqps://")
        return value

    @field_validator("smtp_more_urls")
    @classmethod
    def _are_relays(cls, value: SecretStr) -> SecretStr:
        for number, url in enumerate(value.get_secret_value().split(), 1):
            try:
                Server.of(url)
            except ValueError as error:
                raise ValueError(f"relay {number} {error}") from error
        return value

    @model_validator(mode="after")
    def _has_a_first_relay(self) -> Self:
        """What shares the mail needs somebody to share it with; no mail leaves by a slip."""
        if self.smtp_more_urls.get_secret_value() and not self.smtp_url.get_secret_value():
            raise ValueError("TELLAL_SMTP_MORE_URLS needs TELLAL_SMTP_URL, the first relay")
        named = [str(Server.of(url)) for url in self.relay_urls]
        if len(set(named)) < len(named):
            raise ValueError("TELLAL_SMTP_URL and TELLAL_SMTP_MORE_URLS name one relay twice")
        return self

    @field_validator("smtp_ca")
    @classmethod
    def _vouches(cls, value: str) -> str:
        verifying(value)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError("a token that guards the metrics has 16 characters or more")
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _takes_traces(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r} is no http address")
        if find_spec("opentelemetry.sdk") is None:
            raise ValueError("traces need the extra `tracing`: pip install 'tellal[tracing]'")
        return value

    @field_validator("bounce_lmtp")
    @classmethod
    def _listens(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        is_port = bool(host) and port.isascii() and port.isdigit() and 0 <= int(port) <= 65535
        if value and not value.startswith("/") and not is_port:
            raise ValueError(f"{value!r} is neither host:port nor the path of a unix socket")
        return value

    @field_validator("dkim_selector", "dkim_domain")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not NAME.fullmatch(value):
            raise ValueError(f"{value!r} is no name of the DNS: a-z, 0-9, hyphens, dots between")
        return value

    @model_validator(mode="after")
    def _is_aligned(self) -> Self:
        """A signature counts for DMARC where its domain is the sender's or above it (RFC 7489)."""
        if bool(self.dkim_key.get_secret_value()) != bool(self.dkim_selector):
            raise ValueError("TELLAL_DKIM_KEY and TELLAL_DKIM_SELECTOR go together: set both")
        if self.dkim_selector and not NAME.fullmatch(self.signing_domain):
            raise ValueError(
                f"the domain of TELLAL_MAIL_FROM, {self.signing_domain}, cannot sign: "
                "write it as the DNS does (xn--…)"
            )
        if not f".{self.mail_domain}".endswith(f".{self.signing_domain}"):
            raise ValueError(
                f"TELLAL_DKIM_DOMAIN={self.dkim_domain} does not cover the sender's domain, "
                f"{self.mail_domain}: mailboxes would not count the signature"
            )
        return self

    @cached_property
    def brand(self) -> Brand:
        """What pages and letters look like."""
        return brand_of(self.config_dir)

    def city(self, language: str) -> tuple[str, str]:
        """The city's name as this language has it, and which language it is in."""
        if self.city_name != _name(self.brand):
            return self.city_name, self.brand.language
        return self.brand.spoken(self.brand.city, language)

    @property
    def sender_name(self) -> str:
        """Whom letters come from."""
        return self.brand.sender.name or self.city_name

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

    @property
    def relay_urls(self) -> tuple[str, ...]:
        """The relays that share the mail, the first one first; none: the built-in mailbox."""
        first = self.smtp_url.get_secret_value()
        return (first, *self.smtp_more_urls.get_secret_value().split()) if first else ()

    @property
    def mail_domain(self) -> str:
        """The domain that mail comes from."""
        return self.mail_from.rpartition("@")[2].lower()

    @property
    def complaints_to(self) -> str:
        """Where complaints of mailbox providers arrive, in lower case."""
        return (self.complaint_address or f"fbl@{self.mail_domain}").lower()

    @property
    def reads_mail(self) -> bool:
        """True where somebody reads what is sent to `b+…` and `u+…`."""
        return bool(self.bounce_lmtp or self.bounce_imap_url.get_secret_value())

    @property
    def signing_domain(self) -> str:
        """The domain that answers for mail by its signature."""
        return self.dkim_domain or self.mail_domain

    @property
    def public_url(self) -> str:
        """Where citizens and CMSs reach this service, without a slash at the end."""
        return self.base_url.rstrip("/") or f"http://localhost:{self.port}"

    @property
    def user_agent(self) -> str:
        """Who asks a CMS for its pages, and where its operator can complain."""
        return f"Tellal/{version('tellal')} (+{self.public_url})"

    @property
    def is_own_database(self) -> bool:
        """True where the database is the SQLite file in `var_dir`."""
        return not self.database_url.get_secret_value()

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL, the default filled in and the driver of PostgreSQL named."""
        url = self.database_url.get_secret_value() or f"sqlite:///{self.var_dir / 'tellal.db'}"
        scheme, separator, rest = url.partition("://")
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+psycopg"
        return scheme + separator + rest

    @property
    def erasures_path(self) -> Path:
        """The file of those who must stay erased when a backup is restored."""
        return Path(self.erasures_file) if self.erasures_file else self.var_dir / "erasures.log"

    @property
    def redis_socket(self) -> Path:
        """Socket of the private Redis that `tellal up` starts."""
        return self.var_dir / "redis" / "redis.sock"

    @property
    def broker_url(self) -> str:
        """Redis as kombu names it."""
        url = self.redis_url.get_secret_value()
        if not url:
            return f"redis+socket://{quote(str(self.redis_socket))}"
        return url.replace("unix://", "redis+socket://", 1)

    @property
    def limiter_url(self) -> str:
        """Redis as the rate limiter names it."""
        url = self.redis_url.get_secret_value()
        if not url:
            return f"redis+unix://{self.redis_socket}"
        return "redis+" + url if url.startswith("unix://") else url

    @property
    def frozen_at(self) -> float | None:
        """When the door's clock stands still; null outside tests."""
        return self.test_now if self.env == "test" else None

    @property
    def is_secure(self) -> bool:
        """True where citizens come by https, so that cookies may insist on it."""
        return urlsplit(self.public_url).scheme == "https"


def _name(brand: Brand) -> str:
    return brand.spoken(brand.city, brand.language)[0]


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


def require_keys(settings: Settings) -> None:
    """Refuse to work without the two keys.

    Raises:
        SettingsError: one is missing or malformed.
    """
    for name in KEYS:
        if not getattr(settings, name).get_secret_value():
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set. `tellal up` makes keys in {settings.var_dir}; "
                f"elsewhere set the variable or {PREFIX}{name.upper()}_FILE."
            )
    for key in settings.encryption_key.get_secret_value().split(","):
        try:
            Fernet(key.strip())
        except ValueError as error:
            raise SettingsError(
                f"{PREFIX}ENCRYPTION_KEY must be 32 random bytes in URL-safe base64 (44 characters)"
            ) from error


def make_keys(var_dir: Path) -> None:
    """Make the keys that are not there yet, each in a file that only its owner can read."""
    folder = var_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {
        "secret_key": secrets.token_urlsafe(32),
        "encryption_key": Fernet.generate_key().decode(),
    }
    for name, value in values.items():
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w") as file:
            file.write(value + "\n")
