"""docker-compose.yml: what keeps ``--scale`` and a first start working."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.rabbitmq import LARGEST_MESSAGE, RELAY_PLUGINS
from services.chassis.config import SERVICES, Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
PARTS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
SERVERS = ("broker", "database")
PREPARED = {
    "migrate": {"condition": "service_completed_successfully"},
    "topology": {"condition": "service_completed_successfully"},
}


def test_every_part_is_there() -> None:
    ours = {*SERVICES, *("gateway", "mail"), *SERVERS, *("migrate", "topology", "operator")}
    assert set(PARTS) == ours


def test_the_operators_commands_do_not_start_with_the_rest() -> None:
    assert PARTS["operator"]["profiles"] == ["operator"]


@pytest.mark.parametrize(
    "name", [name for name in PARTS if name not in ("registration", "operator")]
)
def test_only_registration_and_the_operator_see_the_private_key(name: str) -> None:
    mounted = [volume for volume in PARTS[name].get("volumes", []) if "/instance" in volume]
    assert all(volume.endswith("/public:/instance/public:ro") for volume in mounted)
    assert "MARATHON_RELAY_KEY" not in PARTS[name].get("environment", {})


def test_the_brokers_api_is_there_for_the_network_of_the_containers_alone() -> None:
    plugins = (ROOT / "deploy/rabbitmq/enabled_plugins").read_text()
    assert set(re.findall(r"rabbitmq_\w+", plugins)) >= set(RELAY_PLUGINS)
    assert "ports" not in PARTS["broker"]
    conf = (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text()
    assert f"max_message_size = {LARGEST_MESSAGE}" in conf


@pytest.mark.parametrize("name", PARTS)
def test_nothing_has_a_name_that_stops_scaling(name: str) -> None:
    assert "container_name" not in PARTS[name]


@pytest.mark.parametrize("name", [name for name in PARTS if name != "gateway"])
def test_only_the_gateway_publishes_a_port(name: str) -> None:
    assert "ports" not in PARTS[name]


def test_the_gateways_port_is_the_operators_choice() -> None:
    assert PARTS["gateway"]["ports"] == ["${GATEWAY_PORTS:-8000-8003}:8000"]


@pytest.mark.parametrize("name", [*SERVICES, "gateway", "mail"])
def test_services_wait_for_tables_and_queues(name: str) -> None:
    assert PARTS[name]["depends_on"] == PREPARED
    assert PARTS[name]["command"] == ["run", name]
    assert PARTS[name]["restart"] == "unless-stopped"
    assert PARTS[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize(
    ("name", "command", "server"),
    [("migrate", ["migrate", "all"], "database"), ("topology", ["topology", "apply"], "broker")],
)
def test_preparation_runs_once_when_its_server_is_healthy(
    name: str, command: list[str], server: str
) -> None:
    assert PARTS[name]["command"] == command
    assert PARTS[name]["depends_on"] == {server: {"condition": "service_healthy"}}
    assert PARTS[name]["restart"] == "on-failure"
    assert "healthcheck" in PARTS[server]


def test_one_image_for_all_our_parts() -> None:
    ours = {PARTS[name]["image"] for name in PARTS if "build" in PARTS[name]}
    assert ours == {"incroyable-territoire:${MARATHON_VERSION:-local}"}
    assert {name for name in PARTS if "build" not in PARTS[name]} == set(SERVERS)


def test_every_variable_is_in_the_example_or_has_a_default() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    required = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    optional = set(re.findall(r"\$\{([A-Z_]+):[-+]", TEXT))
    assert required <= example
    assert example <= required | optional
    assert set(re.findall(r"\$\{([A-Z_]+)", TEXT)) == required | optional


def test_secrets_have_no_value_in_the_repository() -> None:
    for line in (ROOT / ".env.example").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and re.search("SECRET|PASSWORD", name) and not line.startswith("#"):
            assert value == ""


@pytest.mark.parametrize("name", [*SERVICES, "gateway", "mail", "migrate", "topology"])
def test_settings_can_be_read_from_the_environment_given(name: str) -> None:
    filled = {
        key: re.sub(
            r"\$\{[A-Z_]+(?::-([^}]*)|:[?+][^}]*)\}", lambda m: m[1] or "x" * 40, str(value)
        )
        for key, value in PARTS[name]["environment"].items()
    }
    settings = Settings.from_env({**filled, "MARATHON_TRUSTED_PROXIES": "1"})
    assert settings.database_url_of("jury").endswith("@database:5432/jury")
    assert not settings.embedded
    assert settings.health_port == (8001 if name in (*SERVICES, "mail") else None)


def test_each_service_has_its_database() -> None:
    script = (ROOT / "deploy/postgres/databases.sql").read_text()
    assert re.findall(r"CREATE DATABASE (\w+);", script) == list(SERVICES)


@pytest.mark.parametrize("name", [*SERVICES, "gateway", "mail", "migrate", "topology"])
def test_all_parts_share_one_folder_of_files(name: str) -> None:
    assert PARTS[name]["environment"]["MARATHON_STORAGE"] == "file:///files"
    assert "files:/files" in PARTS[name]["volumes"]
    assert "files" in yaml.safe_load(TEXT)["volumes"]
    # A new volume has the owner that its folder has in the image.
    image = (ROOT / "deploy/images/Dockerfile").read_text()
    assert "install --directory --owner marathon --mode 700 /files" in image


def test_files_that_are_mounted_exist() -> None:
    mounted = [
        volume.split(":")[0] for part in PARTS.values() for volume in part.get("volumes", [])
    ]
    ours = [path for path in mounted if path.startswith("./")]
    assert len(ours) == 3
    optional = re.findall(r"\$\{MARATHON_INSTANCE_FOLDER:-(\./[^}]+)\}(/\w+)?:/instance", TEXT)
    assert {part for _folder, part in optional} == {"/secret", "/public", ""}
    assert all((ROOT / folder / part.strip("/")).is_dir() for folder, part in optional)
    assert all((ROOT / path).exists() for path in ours)
