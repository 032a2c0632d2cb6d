"""Fixtures shared by all tests: storage on both databases, and the troupe on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.chassis import tables
from services.chassis.database import Database
from tests.gateway.endings import play_to_the_awards, play_to_the_end
from tests.harness import Troupe

DATABASES = ("registration", "venues", "voting", "jury", "potter", "collector")


@pytest.fixture(scope="session")
def postgresql(servers: Any, worker_id: str) -> str:
    """The address of this worker's own PostgreSQL databases, with ``{service}`` in it."""
    names = [f"test_{worker_id}_{service}" for service in DATABASES]
    for name in names:
        servers.create_database(name)
    return str(servers.database_url.replace("{service}", f"test_{worker_id}_{{service}}"))


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of empty databases, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/{{service}}.sqlite"
    return str(request.getfixturevalue("postgresql"))


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of databases without a single table, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/{{service}}.sqlite"
    servers = request.getfixturevalue("servers")
    for service in DATABASES:
        servers.create_database(f"bare_{request.getfixturevalue('worker_id')}_{service}")
    worker = request.getfixturevalue("worker_id")
    return str(servers.database_url.replace("{service}", f"bare_{worker}_{{service}}"))


@pytest.fixture
def troupe(storage: str) -> Iterator[Troupe]:
    """The four services on each kind of database."""
    made = Troupe(storage)
    yield made
    empty(made)


@pytest.fixture
def troupe_on_sqlite(tmp_path: Path) -> Iterator[Troupe]:
    """The four services on SQLite only, for tests of rules that storage does not touch."""
    made = Troupe(tmp_path)
    yield made
    made.close()


def empty(troupe: Troupe) -> None:
    """Takes everything out of a troupe's databases and closes them."""
    for player in troupe.players.values():
        if not player.database.is_sqlite:
            _truncate(player.database, player.service_class.chassis.metadata)
    troupe.close()


def _truncate(database: Database, metadata: Any) -> None:
    names = [table.name for table in (*tables.metadata.sorted_tables, *metadata.sorted_tables)]
    with database.engine.begin() as connection:
        quoted = ", ".join(f'"{name}"' for name in names)
        connection.execute(text(f"TRUNCATE {quoted} RESTART IDENTITY CASCADE"))


@pytest.fixture(scope="session")
def ended_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases of a marathon whose 36 hours are over, to be copied."""
    folder = tmp_path_factory.mktemp("ended")
    play_to_the_end(folder)
    return folder


@pytest.fixture(scope="session")
def awarded_once(ended_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases of a marathon whose awards are published, to be copied."""
    folder = tmp_path_factory.mktemp("awarded")
    play_to_the_awards(ended_once, folder)
    return folder
