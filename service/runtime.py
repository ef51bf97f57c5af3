"""What every process of Tellal holds: settings, database, keys and doorbell, made once."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.crypto import Vault
from service.db import Database
from service.limits import Limits
from service.settings import Settings, require_keys
from service.tasks import WEB_TIMEOUT_S, Doorbell
from service.telemetry.meters import Meters
from service.turns import Turns


@dataclass(frozen=True)
class Runtime:
    """Made after a fork, never before: connections must not be shared between processes."""

    settings: Settings
    db: Database
    vault: Vault
    doorbell: Doorbell
    limits: Limits
    meters: Meters
    turns: Turns = field(default_factory=Turns)

    @classmethod
    def start(cls, settings: Settings, broker_timeout_s: float = WEB_TIMEOUT_S) -> Runtime:
        """Open everything.

        Raises:
            SettingsError: a key is missing or malformed.
        """
        require_keys(settings)
        return cls(
            settings=settings,
            db=Database(settings.sqlalchemy_url),
            vault=Vault(settings),
            doorbell=Doorbell(settings, broker_timeout_s),
            limits=Limits(settings),
            meters=Meters(settings),
        )

    def close(self) -> None:
        self.doorbell.close()
        self.meters.close()
        self.db.close()
