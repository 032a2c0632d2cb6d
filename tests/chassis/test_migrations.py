"""Migrations: from empty to the tables of the code, and back, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, inspect, select

from services.chassis import migrations, schema_version, tables
from services.chassis.config import SERVICES, Settings
from services.chassis.database import Database
from services.chassis.runner import service_class
from services.voting.tables import BallotRow, Entry, Poll


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_make_the_tables_of_the_code_and_take_them_away(
    service: str, bare_storage: str
) -> None:
    settings = Settings(database_url=bare_storage)
    database = Database(settings.database_url_of(service), settings)
    try:
        assert not schema_version.is_at_head(service, database)
        migrations.upgrade(service, settings)
        assert schema_version.is_at_head(service, database)
        assert _differences(service, database) == []
        migrations.downgrade(service, settings)
        assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    finally:
        database.close()


def test_ballots_outlive_the_loss_of_their_foreign_keys(bare_storage: str) -> None:
    settings = Settings(database_url=bare_storage)
    database = Database(settings.database_url_of("voting"), settings)
    poll: dict[str, Any] = {
        "id": "p",
        "marathon": "m",
        "state": "open",
        "rule": "shared",
        "projects": [],
    }
    poll |= {"who_may_vote": "everyone", "elsewhere_may_vote": True}
    entry = {"poll": "p", "voter_key": "anne", "ballots": 1}
    ballot: dict[str, Any] = {"poll": "p", "tracker": "t", "voter_key": "anne", "choice": "wool"}
    ballot |= {"accepted_at": datetime(2026, 6, 20, 12, tzinfo=UTC)}
    ballot |= {"gateway": "g", "batch": 1, "index_in_batch": 0}
    rows: dict[Any, dict[str, Any]] = {Poll: poll, Entry: entry, BallotRow: ballot}
    try:
        migrations.upgrade("voting", settings, "0006")
        with database.transaction() as session:
            for table, row in rows.items():
                session.execute(insert(table), [row])
        for move, revision in ((migrations.upgrade, "0007"), (migrations.downgrade, "0006")):
            move("voting", settings, revision)
            with database.transaction() as session:
                for table, row in rows.items():
                    (stored,) = session.scalars(select(table))
                    assert {name: getattr(stored, name) for name in row} == row
    finally:
        database.close()


def _differences(service: str, database: Database) -> list[Any]:
    wanted = MetaData()
    for metadata in (tables.metadata, service_class(service).chassis.metadata):
        for table in metadata.sorted_tables:
            table.to_metadata(wanted)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[Any] = compare_metadata(context, wanted)
    return found


def test_every_service_has_one_line_of_migrations(tmp_path: Path) -> None:
    for service in SERVICES:
        folder = schema_version.ROOT / service / "migrations" / "versions"
        assert len(list(folder.glob("0001_*.py"))) == 1, service
