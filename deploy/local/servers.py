"""A broker and a database server that run, ours or given, and what tests do with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy.engine import make_url

from deploy.local import postgres as databases
from deploy.local.postgres import Postgres
from deploy.local.process import ServerError
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.state import State


@dataclass(frozen=True)
class Servers:
    """Where the servers are: ours (``rabbitmq``, ``postgres``) or given by their address."""

    rabbitmq: RabbitMQ | None
    postgres: Postgres | None
    given_amqp_url: str | None = None
    given_database_url: str | None = None

    @staticmethod
    def of(root: Path, amqp_url: str | None = None, database_url: str | None = None) -> Servers:
        """The servers of a folder, or the given ones in their place; starts nothing."""
        state = State(root / "servers.json")
        return Servers(
            None if amqp_url else RabbitMQ(root, state),
            None if database_url else Postgres(root, state),
            amqp_url,
            database_url,
        )

    @property
    def own(self) -> list[RabbitMQ | Postgres]:
        """Those that we start and stop ourselves."""
        return [server for server in (self.rabbitmq, self.postgres) if server]

    @property
    def amqp_url(self) -> str:
        """The broker's address."""
        return self.rabbitmq.url() if self.rabbitmq else str(self.given_amqp_url)

    @property
    def database_url(self) -> str:
        """The databases' address, with ``{service}`` where a database's name goes."""
        return self.postgres.url("{service}") if self.postgres else str(self.given_database_url)

    def create_database(self, name: str) -> None:
        """Makes an empty database, in the place of one that has this name."""
        with closing(self._connect()) as connection:
            databases.create_database(connection, name)

    def create_missing(self, names: Sequence[str]) -> None:
        """Makes those databases that are not there yet."""
        with closing(self._connect()) as connection:
            for name in names:
                databases.create_missing(connection, name)

    def drop_database(self, name: str) -> None:
        """Takes a database away, cutting who is connected to it."""
        with closing(self._connect()) as connection:
            databases.drop_database(connection, name)

    def add_vhosts(self, names: Sequence[str]) -> list[str]:
        """Makes virtual hosts on our own broker; answers their addresses."""
        broker = self._own_broker()
        broker.add_vhosts(names)
        return [broker.url(name) for name in names]

    def delete_vhosts(self, names: Sequence[str]) -> None:
        """Takes virtual hosts of our own broker away."""
        self._own_broker().delete_vhosts(names)

    def restart_rabbitmq(self, kill: bool = False) -> None:
        """Stops our broker, in order or with ``kill -9``, and starts it on the same port."""
        broker = self._own_broker()
        if kill:
            broker.kill()
        else:
            broker.down()
        broker.up()

    def restart_postgres(self, kill: bool = False) -> None:
        """Stops our database server, in order or with ``kill -9``, and starts it again."""
        server = self._own_postgres()
        if kill:
            server.kill()
        else:
            server.down()
        server.up()

    def kill_rabbitmq(self) -> None:
        """Ends our broker as a power cut would; ``rabbitmq.up()`` brings it back."""
        self._own_broker().kill()

    def kill_postgres(self) -> None:
        """Ends our database server as a power cut would; ``postgres.up()`` brings it back."""
        self._own_postgres().kill()

    def _connect(self) -> Any:
        if self.postgres:
            return self.postgres.connect()
        url = make_url(self.database_url.replace("{service}", "postgres"))
        connection = psycopg2.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False)
        )
        connection.autocommit = True
        return connection

    def _own_broker(self) -> RabbitMQ:
        if self.rabbitmq is None:
            raise ServerError("The broker is given by MARATHON_AMQP_URL: it is not ours to handle.")
        return self.rabbitmq

    def _own_postgres(self) -> Postgres:
        if self.postgres is None:
            raise ServerError("The database server is given: it is not ours to handle.")
        return self.postgres
