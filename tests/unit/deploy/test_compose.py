"""`docker-compose.yml`: each name in it means something, each service is confined and watched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from service.cli import cli, processes
from service.setting_sources import PREFIX
from service.settings import Settings, load
from service.tasks import WORKERS, Queue

ROOT = Path(__file__).parents[3]
# Of the Compose specification, as far as this file uses it: a misspelt key would be refused there.
TOP = {"networks", "services", "secrets", "volumes"}
KEYS = {
    *("build", "cap_add", "cap_drop", "command", "depends_on", "entrypoint", "env_file"),
    *("environment", "healthcheck", "hostname", "image", "logging", "mem_limit", "pids_limit"),
    *(
        "networks",
        "ports",
        "profiles",
        "read_only",
        "restart",
        "secrets",
        "security_opt",
        "shm_size",
    ),
    *("stop_grace_period", "tmpfs", "user", "volumes"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_healthy", "service_completed_successfully"}
VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
ROOT_FOR_A_REASON = {"relay"}  # Postfix gives each of its parts a user of its own


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def ours(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in services.items() if one.get("image") == "tellal"}


def test_every_key_is_one_of_the_specification(compose: dict[str, Any], services) -> None:
    assert {key for key in compose if not key.startswith("x-")} == TOP
    for name, service in services.items():
        assert set(service) <= KEYS, name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            assert how["condition"] in CONDITIONS, name


def test_every_process_and_so_every_queue_has_a_service(services) -> None:
    commands = [tuple(service["command"]) for service in ours(services).values()]
    assert sorted(commands) == sorted([("migrate",), *(("run", n) for n in processes.names())])
    consumed = {queue for name in services for queue in WORKERS.get(name, ((),))[0]}
    assert consumed == set(Queue)


def test_only_ours_reach_the_database_and_redis(compose, services) -> None:
    assert compose["networks"]["data"] == {"internal": True}
    inside = {name for name, service in services.items() if "data" in service["networks"]}
    assert inside == {"postgres", "redis", *ours(services)}
    for name in ("postgres", "redis"):
        assert services[name]["networks"] == ["data"]
        assert "ports" not in services[name]
    for service in services.values():
        assert set(service["networks"]) <= set(compose["networks"])


def test_commands_and_health_checks_are_commands_of_tellal(services) -> None:
    for name, service in ours(services).items():
        if name != "migrate":
            assert service["command"] == ["run", name]
            assert service["healthcheck"]["test"] == ["CMD", "tellal", "health", name]
        for command in (service["command"], ["health", name]):
            assert CliRunner().invoke(cli, [*command, "--help"]).exit_code == 0, command


def test_whoever_stays_says_whether_it_works(services) -> None:
    without = {name for name, service in services.items() if "healthcheck" not in service}
    assert without == {"migrate"}  # it ends
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed]


def test_services_wait_for_what_they_need_and_come_back(services) -> None:
    for name in processes.names():
        service = services[name]
        assert service["restart"] == "always"
        assert service["stop_grace_period"] == "90s"
        needs = service["depends_on"]
        assert needs["migrate"] == {"condition": "service_completed_successfully"}
        # The sweeper is there for the hours in which Redis is not.
        assert ("redis" in needs) == (name != processes.SWEEPER)
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["nginx"]["depends_on"] == {"web": {"condition": "service_healthy"}}


def test_every_service_is_confined(services) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}, name
        is_root = "user" not in service and name not in ours(services)
        assert is_root == (name in ROOT_FOR_A_REASON), name
        assert service.get("user") not in ("root", "0", 0), name
        assert ("cap_add" in service) == is_root, name


def test_only_nginx_is_reached_from_other_machines_and_only_when_asked(services) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"nginx", "bounces", "prometheus"}
    for port in (port for ports in published.values() for port in ports):
        assert VARIABLE.sub(r"\2", port).startswith("127.0.0.1:"), port


def test_secrets_are_files_that_make_secrets_makes(compose, services, tmp_path: Path) -> None:
    used = {secret for service in services.values() for secret in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    made = CliRunner().invoke(cli, ["config", "secrets", str(tmp_path / "secrets")])
    assert made.exit_code == 0
    files = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert files == used
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./var/secrets/{name}"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "tellal config secrets var/secrets" in makefile


def test_each_process_reads_exactly_the_secrets_that_it_is_given(compose, services) -> None:
    environment = compose["x-environment"]
    named = {v.removeprefix("/run/secrets/") for n, v in environment.items() if n.endswith("_FILE")}
    for name, service in ours(services).items():
        assert set(service["secrets"]) == named, name
    secret_settings = [n for n, f in Settings.model_fields.items() if "Secret" in str(f.annotation)]
    plain = {f"{PREFIX}{name.upper()}" for name in secret_settings} & set(environment)
    assert plain == {"TELLAL_REDIS_URL"}  # has no password: it is reachable from inside only


@pytest.mark.parametrize("name", ["smtp_url", "smtp_more_urls", "smtp_fallback_url", "amqp_url"])
def test_relays_and_a_broker_with_a_password_are_files_on_both_kinds_of_server(
    compose, name: str
) -> None:
    variable = f"{PREFIX}{name.upper()}_FILE"
    assert compose["x-environment"][variable] == f"/run/secrets/{name}"
    plain = (ROOT / "config" / "systemd" / "tellal.env").read_text(encoding="utf-8")
    assert f"\n{variable}=/etc/tellal/secrets/{name}\n" in plain


def test_the_environment_is_one_that_tellal_starts_with(
    compose, services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the secrets that `make secrets` makes, and the defaults of this file."""
    CliRunner().invoke(cli, ["config", "secrets", str(tmp_path / "secrets")])
    for variable, value in compose["x-environment"].items():
        assert variable.removeprefix(PREFIX).removesuffix("_FILE").lower() in Settings.model_fields
        value = VARIABLE.sub(r"\2", str(value))
        monkeypatch.setenv(variable, value.replace("/run/secrets", str(tmp_path / "secrets")))
    settings = load()
    url = settings.sqlalchemy_url
    assert url.startswith("postgresql+psycopg://tellal:")
    assert url.endswith(f"@postgres:{5432}/{services['postgres']['environment']['POSTGRES_DB']}")
    assert settings.broker_url == "redis://redis:6379/0"
    assert settings.trusted_proxies == 1
    assert settings.smtp_url.get_secret_value() == ""


def test_variables_have_defaults_that_lead_to_files(text: str, services) -> None:
    bare = re.findall(r"\$\{([A-Z_]+)\}", text)
    assert bare == [], "a variable without a default is a warning at every command"
    for name, service in services.items():
        for volume in service.get("volumes", ()):
            source = VARIABLE.sub(r"\2", volume).split(":")[0]
            if source.startswith("./") and not source.startswith("./var"):
                assert (ROOT / source).exists(), (name, source)


def test_named_volumes_are_declared(compose, services) -> None:
    used = {v.split(":")[0] for s in services.values() for v in s.get("volumes", ())}
    named = {volume for volume in used if not volume.startswith((".", "$"))}
    assert named == set(compose["volumes"])


def test_redis_keeps_what_it_has(services) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_images_name_their_release(services) -> None:
    for name, service in services.items():
        if not service["image"].startswith("tellal"):
            _, _, tag = service["image"].partition(":")
            assert re.match(r"v?\d", tag), name
