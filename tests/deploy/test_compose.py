"""docker-compose.yml: what keeps ``--scale`` and a first start working."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from deploy.cli import relay
from deploy.cli.root import marathon
from deploy.local.rabbitmq import LARGEST_MESSAGE, RELAY_PLUGINS
from deploy.relay.folder import FolderError, read_env
from gateway import branding
from services.chassis.config import SERVICES, Settings
from tests.instance import free_port

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


# --- an instance with partners ------------------------------------------------------------

VARIABLE = re.compile(r"\$\{(\w+)(?::([-+?])([^}]*))?\}")


def filled(value: object, given: Mapping[str, str]) -> str:
    """A value as Compose fills it."""

    def one(found: re.Match[str]) -> str:
        name, how, word = found.groups()
        there = given.get(name, "")
        if how == "+":
            return str(word) if there else ""
        return there or (word if how == "-" else "")

    return VARIABLE.sub(one, str(value))


def environment(name: str, given: Mapping[str, str]) -> dict[str, str]:
    return {key: filled(value, given) for key, value in PARTS[name]["environment"].items()}


def mounted(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Where on the server each of a container's folders and files is."""
    shown = [filled(volume, given).removesuffix(":ro") for volume in PARTS[name]["volumes"]]
    return {there: here for here, _colon, there in (volume.rpartition(":") for volume in shown)}


def outside(path: str, mounts: Mapping[str, str]) -> Path:
    """Where on the server a file of a container is."""
    place = max((there for there in mounts if Path(path).is_relative_to(there)), key=len)
    return Path(mounts[place]) / Path(path).relative_to(place)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of an instance, made for Compose."""
    made = tmp_path / "fumel"
    arguments = (
        *("instance", "init", str(made), "--name", "fumel", "--epci", "200068930"),
        *("--contact", "contact@example.org", "--public-url", "https://fumel.example.org"),
        *("--cycle", "deux-etapes", "--legs", "1", "--site-title", "Marathon de Fumel"),
    )
    done = CliRunner().invoke(marathon, list(arguments))
    assert done.exit_code == 0, done.output
    return made


@pytest.mark.parametrize(
    ("name", "variable", "file"),
    [
        ("registration", "MARATHON_RELAY_KEY", "secret/relay-key.pem"),
        ("gateway", "MARATHON_INSTANCE_FILE", "public/instance.yaml"),
        ("gateway", "MARATHON_LEGAL_FILE", "public/legal.yaml"),
        ("operator", "MARATHON_INSTANCE_FILE", "public/instance.yaml"),
        ("operator", "MARATHON_RELAY_KEY", "secret/relay-key.pem"),
    ],
)
def test_each_part_finds_the_instances_files(
    place: Path, name: str, variable: str, file: str
) -> None:
    given = read_env(place / ".env")
    found = environment(name, given)[variable]
    assert outside(found, mounted(name, given)) == place / file
    assert (place / file).exists()
    assert environment(name, {})[variable] == ""


def test_the_site_shows_the_instances_name(place: Path) -> None:
    given = read_env(place / ".env")
    env = environment("gateway", given)
    file = outside(env["MARATHON_INSTANCE_FILE"], mounted("gateway", given))
    settings = Settings.from_env({**env, "MARATHON_INSTANCE_FILE": str(file)})
    assert branding.load(settings).title == "Marathon de Fumel"


def test_packages_are_posted_with_the_operators_certificates() -> None:
    given = {"MARATHON_RELAY_CA": "/srv/ca.pem"}
    assert Settings.from_env(environment("registration", given)).relay_ca_file == Path(
        "/relay-ca.pem"
    )
    assert mounted("registration", given)["/relay-ca.pem"] == "/srv/ca.pem"
    assert Settings.from_env(environment("registration", {})).relay_ca_file is None


@pytest.fixture
def operator(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's container but for the container: its environment, and where it is."""
    given = read_env(place / ".env")
    inside = environment("operator", given)
    assert PARTS["operator"]["working_dir"] == "/instance"
    assert mounted("operator", given)["/instance"] == str(place)
    # No broker answers here, and nobody is asked where it might be.
    nobody = f"127.0.0.1:{free_port()}"
    here = {
        name: value.replace("/instance/", f"{place}/").replace("broker:15672", nobody)
        for name, value in inside.items()
    }
    here["MARATHON_DATABASE_URL"] = f"sqlite:///{place.parent}/{{service}}.sqlite"
    for name in [*os.environ]:
        if name.startswith("MARATHON_"):
            monkeypatch.delenv(name)
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place)
    # What is on the server under its own path is not in the container.
    env = place / ".env"
    env.write_text(env.read_text().replace(str(place), "/srv/fumel"))
    return place


def operate(*arguments: str) -> str:
    done = CliRunner().invoke(marathon, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_the_operators_commands_find_the_folder_and_write_into_it(operator: Path) -> None:
    operate("migrate", "registration")
    assert operate("instance", "show").startswith("fumel: ")
    assert operate("partner", "show") == "No partner yet: marathon partner add CARD.\n"
    card = ("--for", "confluent", "--transport", "https", "--output", "confluent.yaml")
    assert "confluent.yaml: for confluent" in operate("partner", "card", *card)
    assert (operator / "confluent.yaml").exists()
    assert "Made the key" in operate("instance", "rotate-key")
    assert "Signs with" in operate("instance", "rotate-key", "--switch")


def test_the_operators_words_about_the_relay_go_to_the_gateway(
    operator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.exists()
    monkeypatch.setattr(relay, "PATIENCE_S", 0.1)
    done = CliRunner().invoke(marathon, ["relay", "--token", "x", "status"])
    assert done.output.startswith("Error: http://gateway:8000 did not answer")


def test_the_brokers_api_is_the_one_of_the_instances_settings(place: Path) -> None:
    given = read_env(place / ".env")
    for name in ("MARATHON_RABBITMQ_API", "MARATHON_AMQP_URL", "MARATHON_DATABASE_URL"):
        assert environment("operator", given)[name] == given[name]


def test_the_folder_is_given_to_the_images_user() -> None:
    image = (ROOT / "deploy/images/Dockerfile").read_text()
    told = (ROOT / "docs/operating.md").read_text()
    (user,) = re.findall(r"useradd .*--uid (\d+)", image)
    (made,) = re.findall(r"marathon instance init (/\S+)", told)
    assert re.findall(r"`chown -R (\d+) (\S+)`", told) == [(user, made)]


def test_settings_that_may_not_be_read_are_a_sentence(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(FolderError, match="the folder is of another user"):
        read_env(place / ".env")
