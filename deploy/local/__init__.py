"""Private servers for one folder: a RabbitMQ and a PostgreSQL that touch nothing of the system.

``up(root)`` starts what is missing and answers where it is; ``MARATHON_AMQP_URL`` and
``MARATHON_DATABASE_URL`` name servers that run already and are then used instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy import packages
from deploy.local.chromium import Chromium
from deploy.local.postgres import Postgres
from deploy.local.process import ServerError
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.servers import Servers
from deploy.local.state import State, locked

__all__ = [
    "Chromium",
    "ServerError",
    "Servers",
    "default_root",
    "down",
    "given",
    "install",
    "status",
    "up",
]

SERVICES = ("registration", "venues", "voting", "jury")


def default_root() -> Path:
    """``.local`` where we are, or ``MARATHON_LOCAL_DIR``."""
    return Path(os.environ.get("MARATHON_LOCAL_DIR", ".local")).absolute()


def up(
    root: Path,
    *,
    fast: bool | None = None,
    plugins: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Servers:
    """Servers that run: started where needed, installed where root may. Raises ServerError.

    ``fast`` lets PostgreSQL answer before the disk has it (no risk while only processes die);
    ``plugins`` are RabbitMQ's, which is started anew to load them. By default both stay as they
    are: durable and none at first.
    """
    addresses = given(environ)
    _check_owner(root)
    with locked(root):
        servers = Servers.of(root, *addresses)
        if plugins is not None and servers.rabbitmq:
            servers.rabbitmq.keep_plugins(plugins)
        own = servers.own
        install([server for server in own if not server.installed()])
        for server in own:
            server.up()
        if fast is not None and servers.postgres:
            servers.postgres.set_fast(fast)
        if servers.postgres:
            servers.create_missing(SERVICES)
        return servers


def down(root: Path, *, wipe: bool = False) -> list[str]:
    """Stops what runs in a folder; answers the names. ``wipe`` takes the data away too."""
    if not root.exists():
        return []
    _check_owner(root)
    stopped = []
    with locked(root):
        state = State(root / "servers.json")
        broker, database = RabbitMQ(root, state), Postgres(root, state)
        for server in (broker, database):
            if server.pid():
                stopped.append(server.name)
            server.down()
        if wipe:
            database.wipe()
            shutil.rmtree(root)
    return stopped


def status(root: Path) -> dict[str, dict[str, Any]]:
    """What is known of the two servers of a folder: running, pid, address, log."""
    state = State(root / "servers.json")
    broker, database = RabbitMQ(root, state), Postgres(root, state)
    urls = {
        broker.name: broker.url() if state.knows(broker.name) else None,
        database.name: database.url("{service}") if state.knows(database.name) else None,
    }
    return {
        server.name: {
            "running": server.pid() is not None,
            "pid": server.pid(),
            "url": urls[server.name] if server.pid() else None,
            "log": str(server.log),
        }
        for server in (broker, database)
    }


def given(environ: Mapping[str, str] | None = None) -> tuple[str | None, str | None]:
    """The servers that the environment names; embedded and SQLite are none."""
    environ = os.environ if environ is None else environ
    amqp = environ.get("MARATHON_AMQP_URL") or None
    database = environ.get("MARATHON_DATABASE_URL") or None
    return (
        amqp if amqp and not amqp.startswith(("embedded", "memory")) else None,
        database if database and not database.startswith("sqlite") else None,
    )


def install(absent: Sequence[RabbitMQ | Postgres | Chromium]) -> None:
    """Installs the packages of what is absent where root may. Raises ServerError."""
    needed = [server.package for server in absent]
    if not needed:
        return
    if not packages.can_install():
        raise ServerError(
            f"Not installed: {' and '.join(needed)}.", f"Run: {packages.advice(needed)}"
        )
    try:
        packages.install(needed)
    except packages.InstallError as error:
        raise ServerError(str(error)) from error


def _check_owner(root: Path) -> None:
    # Files of two users in one folder would stop the servers half-way, for both.
    if root.exists() and root.stat().st_uid != os.geteuid():
        raise ServerError(
            f"{root} belongs to another user.",
            "Run this as that user, or remove that folder.",
        )
