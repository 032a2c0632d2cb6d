"""Partners as registration knows them: rows of its database, written by the operator.

No service has to run, and none has to be restarted: whatever reads them reads them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from deploy.relay.folder import FolderError


@contextmanager
def opened(now: datetime | None = None) -> Iterator[Book]:
    """The book of the instance in whose environment we are, in one transaction.

    Raises :class:`FolderError` where its tables are not there yet.
    """
    from services.chassis import schema_version
    from services.chassis.config import Settings
    from services.chassis.database import Database

    settings = Settings.from_env()
    database = Database(settings.database_url_of("registration"), settings)
    try:
        if not schema_version.is_at_head("registration", database):
            raise FolderError("The database lacks tables: run marathon migrate first.")
        with database.transaction() as session:
            yield Book(session, now or settings.clock().now())
    finally:
        database.close()


class Book:
    """Partners within a transaction."""

    def __init__(self, session: Any, now: datetime) -> None:
        self.session = session
        self.now = now

    def keep(self, name: str, **values: Any) -> None:
        """Adds a partner or changes what is known of it; one that was removed is back."""
        from services.registration.tables import Partner

        row = self.session.get(Partner, name)
        if row is None:
            row = Partner(name=name, added_at=self.now)
            self.session.add(row)
        for attribute, value in values.items():
            setattr(row, attribute, value)
        row.removed_at = None

    def remove(self, name: str) -> bool:
        """Takes a partner away: from now on it is unknown. Whether there was one."""
        row = self._present(name)
        if row is not None:
            row.removed_at = self.now
        return row is not None

    def find(self, name: str) -> Any:
        """A partner, or None."""
        return self._present(name)

    def all(self) -> list[Any]:
        """All partners that were not removed, by name."""
        from sqlalchemy import select

        from services.registration.tables import Partner

        query = select(Partner).where(Partner.removed_at.is_(None)).order_by(Partner.name)
        return list(self.session.scalars(query))

    def heard(self) -> dict[str, datetime]:
        """When the last package of each came that it signed."""
        from sqlalchemy import select

        from services.registration.tables import HeardFrom

        return {row.partner: row.at for row in self.session.scalars(select(HeardFrom))}

    def waiting(self, partner: str) -> int:
        """How many packages for a partner are not settled yet."""
        from sqlalchemy import func, select

        from services.registration.tables import PackageOut

        open_ones = (PackageOut.partner == partner, PackageOut.settled_at.is_(None))
        query = select(func.count()).select_from(PackageOut).where(*open_ones)
        return int(self.session.scalar(query) or 0)

    def refusals(self) -> list[Any]:
        """What was refused, by partner and reason; the newest first."""
        from sqlalchemy import select

        from services.registration.tables import RefusedPackages

        query = select(RefusedPackages).order_by(RefusedPackages.last_at.desc())
        return list(self.session.scalars(query))

    def _present(self, name: str) -> Any:
        from services.registration.tables import Partner

        row = self.session.get(Partner, name)
        return row if row is not None and row.removed_at is None else None
