"""Real servers for tests: brought up once, shared by all workers, ended by whoever began them.

Where none can be had, the tests that need them are skipped and a loud summary says so; with
``CI=true`` they fail. ``MARATHON_AMQP_URL`` and ``MARATHON_DATABASE_URL`` are used if given.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import psycopg2
import pytest
from kombu import Connection

from deploy import local
from deploy.local.rabbitmq import RELAY_PLUGINS, RabbitMQ
from deploy.local.state import State

ROOT = Path(__file__).resolve().parent.parent / ".local"
NO_SERVERS = "no real RabbitMQ and PostgreSQL"
NO_BROWSER = "no real browser"
TITLES = {
    NO_SERVERS: "NOT TESTED ON REAL SERVERS",
    NO_BROWSER: "NOT TESTED IN A REAL BROWSER",
}
HOW_TO = (
    "To run them: marathon local install --browser says what is missing; or see CONTRIBUTING.md."
)
AT_A_TIME = 8
SPEAKERS = ("registration", "venues", "voting", "jury", "potter", "collector")


class Borrowed:
    """The servers as one worker of one run may use them: under names that nobody else has."""

    def __init__(self, servers: local.Servers) -> None:
        self.servers = servers
        self.prefix = f"t{secrets.token_hex(3)}_"
        self.databases: set[str] = set()
        self.free: list[str] = []
        self.used: list[str] = []

    @property
    def amqp_url(self) -> str:
        """The broker, at its own virtual host."""
        return self.servers.amqp_url

    @property
    def database_url(self) -> str:
        """The address of databases made here, with ``{service}`` where their name goes."""
        return self.servers.database_url.replace("{service}", self.prefix + "{service}")

    def create_database(self, name: str) -> None:
        """Makes an empty database."""
        self.servers.create_database(self.prefix + name)
        self.databases.add(self.prefix + name)

    def new_vhost(self) -> str:
        """The address of a virtual host that nobody has used."""
        if not self.free:
            self._refill()
        self.used.append(self.free.pop())
        return self.servers.rabbitmq.url(self.used[-1]) if self.servers.rabbitmq else ""

    def _refill(self) -> None:
        # One command costs half a second, whether it makes one or eight.
        if self.used:
            self.servers.delete_vhosts(self.used)
            self.used = []
        self.free = [f"{self.prefix}{secrets.token_hex(4)}" for _ in range(AT_A_TIME)]
        self.servers.add_vhosts(self.free)

    def give_back(self) -> None:
        """Takes away what was made."""
        for name in self.databases:
            self.servers.drop_database(name)
        if self.used or self.free:
            self.servers.delete_vhosts(self.used + self.free)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.servers, name)


@pytest.fixture(scope="session")
def servers() -> Iterator[Borrowed]:
    """Real servers, shared with others: not for tests that stop or restart them."""
    with _in_use():
        began = not _any_runs()
        try:
            borrowed = _borrow(lambda: local.up(ROOT, fast=True))
        finally:
            if began and _any_runs():
                _by_tests().touch()
        yield borrowed
        borrowed.give_back()


@pytest.fixture(scope="session")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Borrowed]:
    """Servers of this worker alone, for tests that kill and restart them."""
    root = tmp_path_factory.mktemp("servers")
    yield _borrow(lambda: local.up(root, fast=True, environ={}))
    local.down(root, wipe=True)


@pytest.fixture(scope="module")
def relay_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker with what partners need, of one module alone: it may be killed and restarted."""
    root = tmp_path_factory.mktemp("relay-broker")
    made = RabbitMQ(root, State(root / "servers.json"), plugins=RELAY_PLUGINS)
    try:
        made.up()
    except local.ServerError as error:
        absent(NO_SERVERS, error)
    yield made
    made.down()


@pytest.fixture
def vhost(servers: Borrowed) -> Iterator[str]:
    """The address of an empty virtual host of a real RabbitMQ."""
    if servers.rabbitmq:
        yield servers.new_vhost()
        return
    with _alone_on(servers.amqp_url):
        _sweep(servers.amqp_url)
        yield servers.amqp_url


@pytest.fixture
def amqp_url(vhost: str) -> str:
    """The same, under the name that the settings have for it."""
    return vhost


@pytest.fixture
def database_url(servers: Borrowed, worker_id: str) -> str:
    """The address of empty PostgreSQL databases, one per service, with ``{service}`` in it."""
    for service in SPEAKERS[:4]:
        servers.create_database(f"{worker_id}_{service}")
    return servers.database_url.replace("{service}", f"{worker_id}_{{service}}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the servers that tests began, once no run uses them any more."""
    if hasattr(config, "workerinput") or not _by_tests().exists():
        return
    with (ROOT / "in-use").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _by_tests().unlink()
        local.down(ROOT)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says at the end, loudly, what was not tested."""
    skipped = terminalreporter.stats.get("skipped", [])
    for absent, title in TITLES.items():
        reasons = [str(each.longrepr[2]) for each in skipped if absent in str(each.longrepr)]
        if not reasons:
            continue
        terminalreporter.write_sep("!", title, red=True, bold=True)
        reason = reasons[0].removeprefix("Skipped: ")
        terminalreporter.write_line(f"{len(reasons)} tests were skipped: {reason}", red=True)
        terminalreporter.write_line(HOW_TO, red=True)


def absent(what: str, error: Exception) -> NoReturn:
    """Skips a test for want of something real, to be said loudly; where CI is, fails it."""
    reason = f"{what}: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _borrow(start: Callable[[], local.Servers]) -> Borrowed:
    try:
        found = start()
        with Connection(found.amqp_url, connect_timeout=5) as connection:
            connection.connect()
    except (local.ServerError, psycopg2.OperationalError, OSError) as error:
        absent(NO_SERVERS, error)
    return Borrowed(found)


def _any_runs() -> bool:
    return any(entry["running"] for entry in local.status(ROOT).values())


def _by_tests() -> Path:
    return ROOT / "run" / "by-tests"


@contextmanager
def _in_use() -> Iterator[None]:
    """Tells other runs of this folder that the servers are still needed."""
    ROOT.mkdir(exist_ok=True)
    with (ROOT / "in-use").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def _alone_on(amqp_url: str) -> Iterator[None]:
    """On a given broker we have one virtual host only: one test at a time."""
    name = sha256(amqp_url.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"marathon-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(amqp_url: str) -> None:
    """Takes our queues and exchanges out of a virtual host."""
    with Connection(amqp_url, connect_timeout=5) as connection:
        channel = connection.channel()
        for speaker in SPEAKERS:
            channel.queue_delete(f"{speaker}.inbox")
            channel.queue_delete(f"rpc-{speaker}")
            channel.exchange_delete(f"{speaker}.events")
        channel.exchange_delete("nameko-rpc")
