"""Alembic's environment for venues's own database."""

from __future__ import annotations

from services.chassis.migrations import run
from services.venues.tables import Base

run(Base.metadata)
