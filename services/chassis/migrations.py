"""Migrations of one service's database, by Alembic; never run at a service's start.

``python -m services.chassis.migrations revision SERVICE "what changes"`` writes a new one.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any, Literal

import alembic.command
from alembic import context
from alembic.config import Config
from sqlalchemy import JSON, Connection, MetaData, text

from services.chassis import people_tables, tables_v1
from services.chassis.columns import Instant
from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.schema_version import ROOT, known
from services.chassis.tables import metadata as chassis_metadata

__all__ = ["people_tables"]  # imported so that its tables are on the chassis' metadata

# A migration that waits for a lock makes everybody behind it wait: better to fail and be run
# again in a calm moment.
LOCK_TIMEOUT_S = 10


def upgrade(service: str, settings: Settings, revision: str = "head") -> None:
    """Brings a service's database to ``revision``."""
    _with_connection(service, settings, lambda config: alembic.command.upgrade(config, revision))


def downgrade(service: str, settings: Settings, revision: str = "base") -> None:
    """Takes a service's database back to ``revision``."""
    _with_connection(service, settings, lambda config: alembic.command.downgrade(config, revision))


def run(metadata: MetaData) -> None:
    """Runs Alembic for a service's ``env.py``, on the connection that was handed over."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=[metadata, chassis_metadata],
        render_as_batch=connection.dialect.name == "sqlite",
        user_module_prefix="columns.",
        render_item=_written_type,
    )
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    with context.begin_transaction():
        context.run_migrations()


def _written_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """How a new revision writes our own column types; ``False`` leaves it to Alembic."""
    if kind == "type" and isinstance(item, JSON):
        return "columns.Json"
    if kind == "type" and isinstance(item, Instant):
        return "columns.Instant()"
    return False


def create_chassis_tables_v1() -> None:
    """The chassis' tables as they were in a service's first migration."""
    tables_v1.create()


def drop_chassis_tables_v1() -> None:
    """Takes the chassis' tables away again."""
    tables_v1.drop()


def write_revision(service: str, message: str) -> None:
    """Writes a migration from what the code has and the last migration has not."""
    number = f"{int(known(service)[-1]) + 1:04d}" if known(service) else "0001"
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/{{service}}.sqlite")
        upgrade(service, settings)
        _with_connection(
            service,
            settings,
            lambda config: alembic.command.revision(
                config, message, autogenerate=True, rev_id=number
            ),
        )


def _with_connection(service: str, settings: Settings, run_command: Any) -> None:
    database = Database(settings.database_url_of(service), settings)
    try:
        with database.engine.connect() as connection:
            config = _config(service)
            config.attributes["connection"] = connection
            run_command(config)
            connection.commit()
    finally:
        database.close()


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / service / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


if __name__ == "__main__":
    write_revision(sys.argv[2], sys.argv[3])
