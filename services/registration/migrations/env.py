"""Alembic's environment for registration's own database."""

from __future__ import annotations

from services.chassis.migrations import run
from services.registration.tables import Base

run(Base.metadata)
