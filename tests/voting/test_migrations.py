"""Voting's migrations: up from empty to what the code has, and down to nothing."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from services.chassis import migrations, tables
from services.chassis.config import Settings
from services.chassis.database import Database
from services.voting.tables import Base


def test_up_from_empty_makes_what_the_code_has_and_down_leaves_nothing(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/{{service}}.sqlite")
    migrations.upgrade("voting", settings)
    database = Database(settings.database_url_of("voting"), settings)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        ours = [Base.metadata, tables.metadata]
        assert compare_metadata(context, ours) == []  # type: ignore[arg-type]  # takes several
    assert migrations.is_at_head("voting", database)

    migrations.downgrade("voting", settings)

    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.close()
