"""Watching the service: its log, figures and traces, and the clock that tests stop."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from service.settings.part import Part


class Watching(Part):
    """What is written down of the service at work, and who may read it."""

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

    @field_validator("test_now", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "" else value

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

    @property
    def frozen_at(self) -> float | None:
        """When the door's clock stands still; null outside tests."""
        return self.test_now if self.env == "test" else None
