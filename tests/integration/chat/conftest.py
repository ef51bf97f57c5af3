"""The doubles of chat services, each where its provider looks for the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.messages.chat_services import ChatService, chat_services
from service.settings import Settings
from tests.integration.chat.doubles.discord import DiscordDouble
from tests.integration.chat.doubles.matrix import MatrixDouble
from tests.integration.chat.doubles.ntfy import NtfyDouble
from tests.integration.chat.doubles.slack import SlackDouble
from tests.integration.chat.doubles.telegram import TelegramDouble
from workers.calls import Caller
from workers.chat.providers.discord import Discord
from workers.chat.providers.slack import Slack
from workers.chat.providers.telegram import Telegram


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service has a rate, and none is left alone for a while: where the clock of a test jumps,
    that of Redis does not."""

    def without_rates(config_dir: Path) -> Mapping[str, tuple[str, ChatService]]:
        no_rates = {"service": None, "target": None}
        found = chat_services(config_dir)
        return {key: (name, one.model_copy(update=no_rates)) for key, (name, one) in found.items()}

    monkeypatch.setattr("workers.chat.rates.chat_services", without_rates)
    monkeypatch.setattr("workers.chat.rates.Rates.close", lambda *_, **__: None)


@pytest.fixture
def bare(tmp_path: Path) -> Settings:
    """Without a database: most that a provider does needs none."""
    return Settings(var_dir=tmp_path)


@pytest.fixture
def caller(bare: Settings) -> Caller:
    return Caller(bare, ("127.0.0.1",))


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramDouble]:
    with TelegramDouble().running() as double:
        monkeypatch.setattr(Telegram, "api", double.origin)
        yield double


@pytest.fixture
def discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[DiscordDouble]:
    with DiscordDouble().running() as double:
        monkeypatch.setattr(Discord, "api", double.api)
        yield double


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackDouble]:
    with SlackDouble().running() as double:
        monkeypatch.setattr(Slack, "api", double.api)
        monkeypatch.setattr(Slack, "hooks", double.hooks)
        yield double


@pytest.fixture
def ntfy() -> Iterator[NtfyDouble]:
    with NtfyDouble().running() as double:
        yield double


@pytest.fixture
def matrix() -> Iterator[MatrixDouble]:
    with MatrixDouble().running() as double:
        yield double
