"""Alembic's environment for voting's own database."""

from __future__ import annotations

from services.chassis.migrations import run
from services.voting.tables import Base

run(Base.metadata)
