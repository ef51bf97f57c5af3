"""What every part of the settings has in common: its sources, and how a list is written."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.setting_sources import PREFIX, BrandFile, SecretFiles, VarFolder


class Part(BaseSettings):
    """The settings of one subject. Whoever needs those of another one inherits that one.

    Pydantic knows validators by their names: one that has the name of a validator of another part
    would take its place.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

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


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value)


# Several words in one variable, joined by commas.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
