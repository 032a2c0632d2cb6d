"""Private servers: real ones, in a folder of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
import requests
from kombu import Connection

from deploy import local, packages
from deploy.local.postgres import Postgres
from deploy.local.process import end, free_port, is_port_free, read_pid, spawn, wait_until
from deploy.local.rabbitmq import RELAY_PLUGINS, RabbitMQ, find_scripts
from deploy.local.state import State
from tests.servers import NO_SERVERS

installed = pytest.mark.skipif(
    not (RabbitMQ.installed() and Postgres.installed()), reason=f"{NO_SERVERS}: not installed"
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder whose path would be too long for a socket file and has a space in it."""
    folder = tmp_path / ("a long way down " * 6) / ".local"
    yield folder
    local.down(folder, wipe=True)


@installed
def test_servers_come_up_once_and_go_down(root: Path) -> None:
    servers = local.up(root, environ={})
    first = local.status(root)
    with Connection(servers.amqp_url, connect_timeout=5) as connection:
        connection.connect()
    assert _databases(servers) >= {"registration", "venues", "voting", "jury"}

    again = local.up(root, environ={})
    assert (again.amqp_url, again.database_url) == (servers.amqp_url, servers.database_url)
    assert local.status(root) == first
    assert [entry["running"] for entry in first.values()] == [True, True]

    _check_loopback_only(servers)
    _check_a_crash_and_a_taken_port(root, servers)

    assert local.down(root) == ["rabbitmq", "postgres"]
    assert local.down(root) == []
    assert [entry["running"] for entry in local.status(root).values()] == [False, False]
    assert is_port_free(servers.postgres.state.port("epmd", 4370)) if servers.postgres else False


@installed
def test_two_brokers_with_plugins_live_side_by_side(tmp_path: Path) -> None:
    brokers = [
        RabbitMQ(
            tmp_path / name,
            State(tmp_path / name / "servers.json"),
            node=f"{name}@localhost",
            plugins=RELAY_PLUGINS,
        )
        for name in ("one", "two")
    ]
    try:
        for broker in brokers:
            broker.up()
        names = [_asked(broker, "overview")["node"] for broker in brokers]
        assert names == ["one@localhost", "two@localhost"]
        assert _asked(brokers[0], "shovels") == []
        brokers[0].kill()
        assert _asked(brokers[1], "overview")["node"] == "two@localhost"
        brokers[0].up()
        assert _asked(brokers[0], "overview")["node"] == "one@localhost"
    finally:
        for broker in brokers:
            broker.down()


def _asked(broker: RabbitMQ, what: str) -> Any:
    """What the management API answers."""
    url = urlsplit(str(broker.api_url))
    address = f"http://{url.hostname}:{url.port}/api/{what}"
    answer = requests.get(address, auth=(str(url.username), str(url.password)), timeout=30)
    answer.raise_for_status()
    return answer.json()


def test_plugins_that_were_asked_for_are_remembered(tmp_path: Path) -> None:
    broker = RabbitMQ(tmp_path, State(tmp_path / "servers.json"))
    assert (broker.plugins, broker.api_url) == ((), None)
    broker.keep_plugins(RELAY_PLUGINS)
    again = RabbitMQ(tmp_path, State(tmp_path / "servers.json"))
    assert again.plugins == RELAY_PLUGINS
    assert again.api_url is not None and again.api_url.startswith("http://marathon:")


def _check_loopback_only(servers: local.Servers) -> None:
    """Nothing of ours listens where the network could reach it."""
    ports = {value for key, value in _state(servers).items() if key.endswith(".port")}
    assert len(ports) == 4
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, _, port = address.partition(":")
            if state == "0A" and int(port, 16) in ports:
                assert host in ("0100007F", "00000000000000000000000001000000")


def _check_a_crash_and_a_taken_port(root: Path, servers: local.Servers) -> None:
    """After ``kill -9``, with somebody else on the port, it comes up on another and lets us in."""
    assert servers.rabbitmq
    assert servers.postgres
    old = servers.rabbitmq.state.port("amqp", 5673)
    database = local.status(root)["postgres"]["pid"]
    servers.kill_rabbitmq()
    # As after a first start that was interrupted before the broker made its user.
    remembered = json.loads((root / "servers.json").read_text())
    (root / "servers.json").write_text(json.dumps(remembered | {"rabbitmq.password": "another"}))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", old))
        taken.listen()
        again = local.up(root, environ={})
    assert f":{old}/" not in again.amqp_url
    assert local.status(root)["postgres"]["pid"] == database
    with Connection(again.add_vhosts(["another"])[0], connect_timeout=5) as connection:
        connection.connect()


@installed
def test_postgres_survives_kill_and_interrupted_initdb(tmp_path: Path) -> None:
    server = Postgres(tmp_path, State(tmp_path / "servers.json"))
    try:
        server.up()
        with closing(server.connect()) as connection:
            connection.cursor().execute("CREATE TABLE kept AS SELECT 1 AS one")
        pid = server.pid()
        server.kill()
        assert server.pid() is None
        server.up()
        assert server.pid() != pid
        with closing(server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT one FROM kept")
            assert cursor.fetchone() == (1,)

        server.set_fast(True)
        with closing(server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW fsync")
            assert cursor.fetchone() == ("off",)

        server.down()
        # What an initdb that was interrupted leaves.
        server.data.rename(server.data.with_name("data.new"))
        server.up()
    finally:
        server.down()
        server.wipe()


@installed
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_postgres_of_root_is_not_roots(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    server = Postgres(closed, State(closed / "servers.json"))
    try:
        server.up()
        owner = Path(f"/proc/{server.pid()}").stat().st_uid
        assert owner != 0
        assert server.data.stat().st_uid == owner
    finally:
        server.down()
        server.wipe()
    assert not server.folder.exists()
    assert not server.data.parent.exists()


def test_stale_pid_file_ends_nobody(tmp_path: Path) -> None:
    stranger = spawn(["sleep", "60"], tmp_path / "log")
    pid_file = tmp_path / "run" / "rabbitmq.pid"
    pid_file.parent.mkdir()
    pid_file.write_text(str(stranger))
    try:
        assert wait_until(lambda: read_pid(pid_file, "sleep 60") == stranger, 5)
        assert read_pid(pid_file, str(tmp_path)) is None
        assert local.down(tmp_path) == []
        os.kill(stranger, 0)
    finally:
        assert end(stranger, signal.SIGKILL, 5)


def test_pid_of_an_ended_process_is_none(tmp_path: Path) -> None:
    child = spawn(["true"], tmp_path / "log")
    pid_file = tmp_path / "pid"
    pid_file.write_text(str(child))
    assert end(child, signal.SIGTERM, 5)
    assert read_pid(pid_file, "true") is None
    pid_file.write_text("not a number")
    assert read_pid(pid_file, "") is None


def test_down_where_nothing_ever_was(tmp_path: Path) -> None:
    assert local.down(tmp_path / "nowhere") == []
    assert not (tmp_path / "nowhere").exists()
    assert [entry["url"] for entry in local.status(tmp_path / "nowhere").values()] == [None, None]


def test_ports_and_passwords_are_remembered(tmp_path: Path) -> None:
    state = State(tmp_path / "servers.json")
    port, password = state.port("amqp", 20000), state.password("rabbitmq")
    again = State(tmp_path / "servers.json")
    assert (again.port("amqp", 1), again.password("rabbitmq")) == (port, password)
    assert again.port("epmd", port) != port
    assert (tmp_path / "servers.json").stat().st_mode & 0o777 == 0o600


def test_taken_port_is_replaced_and_remembered(tmp_path: Path) -> None:
    state = State(tmp_path / "servers.json")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        state.values["amqp.port"] = number
        new = state.free_port("amqp", 20000)
        assert new != number
        assert State(state.path).port("amqp", 1) == new
        assert free_port(number) != number


def test_unreadable_state_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "servers.json").write_text("{")
    with pytest.raises(local.ServerError, match="Remove the folder"):
        local.up(tmp_path, environ={})


def test_given_servers_are_used_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "install", lambda names: pytest.fail(f"installed {names}"))
    given = {
        "MARATHON_AMQP_URL": "pyamqp://guest:guest@broker.example.org:5672//",
        "MARATHON_DATABASE_URL": "postgresql+psycopg2://u:p@db.example.org/{service}",
    }
    servers = local.up(tmp_path / ".local", environ=given)
    assert servers.amqp_url == given["MARATHON_AMQP_URL"]
    assert servers.database_url == given["MARATHON_DATABASE_URL"]
    assert servers.own == []
    with pytest.raises(local.ServerError):
        servers.restart_rabbitmq()


def test_embedded_and_sqlite_are_no_servers() -> None:
    environ = {"MARATHON_AMQP_URL": "embedded://", "MARATHON_DATABASE_URL": "sqlite:///x"}
    assert local.given(environ) == (None, None)


def test_missing_packages_are_named_where_they_cant_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RabbitMQ, "installed", staticmethod(lambda: False))
    monkeypatch.setattr(Postgres, "installed", staticmethod(lambda: False))
    monkeypatch.setattr(packages, "can_install", lambda: False)
    monkeypatch.setattr(packages, "advice", lambda names: f"sudo install {' '.join(names)}")
    with pytest.raises(local.ServerError) as caught:
        local.up(tmp_path, environ={})
    assert str(caught.value) == (
        "Not installed: rabbitmq-server and postgresql."
        " Run: sudo install rabbitmq-server postgresql"
    )


def test_missing_packages_are_installed_where_root_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(RabbitMQ, "installed", staticmethod(lambda: False))
    monkeypatch.setattr(packages, "can_install", lambda: True)
    monkeypatch.setattr(packages, "install", asked.append)
    state = State(tmp_path / "servers.json")
    local.install([RabbitMQ(tmp_path, state)])
    assert asked == [["rabbitmq-server"]]


def test_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(local.ServerError, match="belongs to another user"):
        local.up(tmp_path, environ={})


def test_vhost_names_can_not_carry_erlang(tmp_path: Path) -> None:
    broker = RabbitMQ(tmp_path, State(tmp_path / "servers.json"))
    with pytest.raises(ValueError, match="not names"):
        broker.add_vhosts(['a">>], halt(), [<<"'])


def test_scripts_behind_the_wrapper_are_found() -> None:
    found = find_scripts()
    assert found is None or (found / "rabbitmqctl").exists()
    assert found is None or not str(found).startswith("/usr/sbin")


def _databases(servers: local.Servers) -> set[str]:
    assert servers.postgres
    with closing(servers.postgres.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


def _state(servers: local.Servers) -> dict[str, int]:
    assert servers.postgres
    return State(servers.postgres.state.path).values


@installed
def test_databases_are_made_empty_and_dropped(servers: local.Servers) -> None:
    servers.create_database("x_voting")
    address = servers.database_url.replace("{service}", "x_voting").replace("+psycopg2", "")
    with closing(psycopg2.connect(address)) as connection:
        connection.cursor().execute("CREATE TABLE t AS SELECT 1")
        connection.commit()
        servers.create_database("x_voting")  # cuts who is connected
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)
    servers.servers.drop_database(servers.prefix + "x_voting")  # type: ignore[attr-defined]
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(address)
