"""Privacy: how long data of people is kept, and which of it leaves the country."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from service.settings.address import Address


class Privacy(Address):
    """Days that things are kept, who stays erased, and services abroad."""

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

    @property
    def erasures_path(self) -> Path:
        """The file of those who must stay erased when a backup is restored."""
        return Path(self.erasures_file) if self.erasures_file else self.var_dir / "erasures.log"
