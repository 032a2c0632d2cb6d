"""Alembic's environment for the jury's own database."""

from __future__ import annotations

from services.chassis.migrations import run
from services.jury.tables import Base

run(Base.metadata)
