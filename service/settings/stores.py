"""What the service stores in and works through: the database, Redis and RabbitMQ."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from service.settings.address import Address


class Stores(Address):
    """The database and the brokers; without an address each is in the var folder."""

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

    @field_validator("amqp_url")
    @classmethod
    def _is_a_broker(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("amqp://", "amqps://")):
            raise ValueError("begins with neither amqp:// nor amqps://")
        return value

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
