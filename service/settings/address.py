"""Where the service lives: its folders, and the address that others reach it at."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from service.settings.part import Part


class Address(Part):
    """Folders, the port of the web server, and the public address."""

    var_dir: Path = Field(Path("var"), description="Folder for data, keys and logs of `tellal up`.")
    config_dir: Path = Field(
        Path(__file__).parents[2] / "config",
        description="Folder with topics.yaml, places.yaml and the other files an operator edits.",
    )
    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port that the web server listens on.")
    base_url: str = Field("", description="Public address, without a slash at the end.")

    @field_validator("var_dir", "config_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @property
    def public_url(self) -> str:
        """Where citizens and CMSs reach this service, without a slash at the end."""
        return self.base_url.rstrip("/") or f"http://localhost:{self.port}"

    @property
    def user_agent(self) -> str:
        """Who asks a CMS for its pages, and where its operator can complain."""
        return f"Tellal/{version('tellal')} (+{self.public_url})"

    @property
    def is_secure(self) -> bool:
        """True where citizens come by https, so that cookies may insist on it."""
        return urlsplit(self.public_url).scheme == "https"
