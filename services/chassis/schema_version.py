"""Whether a database has the tables of this code: asked at every readiness probe.

Revisions are numbered files in one line (``0001_first.py``), so this needs no Alembic, which
would cost every process nine megabytes.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from services.chassis.database import Database

ROOT = Path(__file__).resolve().parent.parent


def known(service: str) -> list[str]:
    """The revisions that this code has, oldest first."""
    folder = ROOT / service / "migrations" / "versions"
    return sorted(path.name.split("_", 1)[0] for path in folder.glob("[0-9]*_*.py"))


def is_at_head(service: str, database: Database) -> bool:
    """Whether the database has every migration of this code, or newer ones than it knows.

    While an instance is updated, old code runs on the new tables: that is how migrations are
    written here, expanding first (docs/operating.md).
    """
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        present = connection.scalar(text("SELECT version_num FROM alembic_version"))
    revisions = known(service)
    return present is not None and (present == revisions[-1] or present not in revisions)
