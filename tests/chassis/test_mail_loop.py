"""The loop that sends mails and cleans up, started before its database has any table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.chassis import mail, proofs, tables
from services.chassis.mail_folder import Mailbox
from services.chassis.mail_queue import Outbox
from services.chassis.paging import Page
from services.chassis.people_tables import mails
from services.chassis.people_tables import proofs as proof_table
from tests.chassis.parts import Parts, letter

ANNE = "anne@example.org"


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage)
    yield made
    made.close()


class Migration:
    """What the loop asks whether to stop: after its first pass the tables are made."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.asked = 0
        self.until = time.monotonic() + 30

    def stop(self) -> bool:
        """Whether everything is done, or took far too long."""
        self.asked += 1
        if self.asked == 1:
            return False
        if self.asked == 2:
            self._migrate()
        return not self.waiting() or time.monotonic() > self.until

    def waiting(self) -> list[object]:
        """What is still to be sent or to be dropped."""
        return [*self.parts.rows(mails), *self.parts.rows(proof_table)]

    def _migrate(self) -> None:
        tables.metadata.create_all(self.parts.core.database.engine)
        self.parts.within(lambda work: work.mail(ANNE, letter()))
        # By the loop's clock it is a day over its time.
        self.parts.within(lambda work: proofs.issue(work, "sign_in", ANNE, {}))


def test_loop_does_soon_what_it_could_not_do_at_first(parts: Parts, tmp_path: Path) -> None:
    tables.metadata.drop_all(parts.core.database.engine)
    migration = Migration(parts)
    settings = replace(parts.settings, smtp_url=f"folder:{tmp_path}/mails")
    mail.run(settings, [Outbox("potter", parts.core.database)], migration.stop)
    assert migration.waiting() == []
    assert [each.to for each in Mailbox(tmp_path / "mails").newest(Page(10))["items"]] == [ANNE]
