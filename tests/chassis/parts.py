"""A core on each kind of database with a clock that stands, for tests of people's parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from services.chassis import tables
from services.chassis.clock import SetClock
from services.chassis.config import Settings
from services.chassis.core import Core
from services.chassis.errors import Refusal
from services.chassis.letters import Letter
from services.chassis.work import Work
from tests.chassis.dummies import PotterService, make_core, metadata

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = b"a secret for tests, 32 bytes long"


def letter(subject: str = "Bonjour", text: str = "Texte.\n") -> Letter:
    """A letter in French that says only this."""
    return Letter(subject, text, f"<p>{text}</p>\n")


class Parts:
    """Runs functions in units of work of their own, and looks at the tables."""

    def __init__(self, storage: str, **settings: Any) -> None:
        self.settings = Settings(secret=SECRET, database_url=storage, **settings)
        self.clock = SetClock(START)
        self.core: Core = make_core(PotterService, self.settings, self.clock)

    def within(self, run: Callable[[Work], Any]) -> Any:
        """What ``run`` answers; its changes are committed unless it raises."""
        return self.core.within(run)

    def refused(self, run: Callable[[Work], Any]) -> str:
        """The code of the refusal that ``run`` must raise."""
        try:
            self.within(run)
        except Refusal as refusal:
            return refusal.code
        raise AssertionError("nothing was refused")

    def rows(self, table: Any) -> list[Any]:
        """All rows of a table."""
        with self.core.database.transaction() as session:
            return list(session.execute(select(table)).all())

    def close(self) -> None:
        """Leaves empty databases."""
        metadata.drop_all(self.core.database.engine)
        tables.metadata.drop_all(self.core.database.engine)
        self.core.database.close()
