"""What each chat service bears and shows: `config/chat.yaml`, read once and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.setting_sources import SettingsError

FILE = "chat.yaml"
_RATE = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Form(StrEnum):
    """How a service wants its text written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    MRKDWN = "mrkdwn"  # Slack's own
    HTML = "html"


class Rate(BaseModel):
    """So many messages in so many seconds; that many at once after a silence."""

    model_config = ConfigDict(frozen=True)

    messages: int = Field(ge=1)
    seconds: int = Field(ge=1)

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _RATE.fullmatch(value)
    if found is None:
        raise ValueError("write a rate as 30/1: messages per seconds")
    return {"messages": int(found[1]), "seconds": int(found[2])}


AnyRate = Annotated[Rate | None, BeforeValidator(_rate)]


class ChatService(BaseModel):
    """One service. `service`: the rate of all messages together; `target`: of one room."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schemes: tuple[str, ...] = Field(min_length=1)
    form: Form = Form.TEXT
    longest: int = Field(ge=200)
    service: AnyRate = None
    target: AnyRate = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    services: dict[str, ChatService]


PLAIN = ChatService(schemes=("*",), longest=1_500)


@lru_cache(maxsize=4)
def chat_services(config_dir: Path) -> Mapping[str, tuple[str, ChatService]]:
    """The name and the rules of the service behind each scheme.

    Raises:
        SettingsError: one sentence says what of the file cannot be.
    """
    path = config_dir / FILE
    try:
        found = _File.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, RecursionError) as error:
        raise SettingsError(f"{path}: {error}") from None
    by_scheme: dict[str, tuple[str, ChatService]] = {}
    for name, service in found.services.items():
        for scheme in service.schemes:
            if scheme in by_scheme:
                raise SettingsError(f"{path}: {scheme} stands at two services")
            by_scheme[scheme] = (name, service)
    return by_scheme
