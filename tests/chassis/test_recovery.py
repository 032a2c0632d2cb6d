"""What the embedded broker's memory held when its process died is published again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from services.chassis import recovery
from services.chassis.config import Settings
from services.chassis.tables import outbox
from tests.chassis.dummies import CollectorService, PotterService, make_core


def test_only_what_an_inbox_lacks_is_published_again(tmp_path: Path) -> None:
    settings = Settings(secret=b"x" * 32, database_url=f"sqlite:///{tmp_path}/{{service}}.sqlite")
    cores = {s.name: make_core(s, settings) for s in (PotterService, CollectorService)}
    envelopes = [_said(cores["potter"], number) for number in range(3)]
    cores["collector"].hear(lambda work, event: None, envelopes[0])
    cores["collector"].hear(_fails, envelopes[1])
    _mark_published(cores["potter"])

    assert recovery.publish_lost_again(cores) == 1
    assert _unpublished(cores["potter"]) == [envelopes[2]["id"]]


def test_events_that_nobody_hears_are_not_lost(tmp_path: Path) -> None:
    settings = Settings(secret=b"x" * 32, database_url=f"sqlite:///{tmp_path}/{{service}}.sqlite")
    cores = {s.name: make_core(s, settings) for s in (PotterService, CollectorService)}
    cores["potter"].within(lambda work: work.say("pot_sold", "p", {"id": "p", "size": 1}))
    _mark_published(cores["potter"])
    assert recovery.publish_lost_again(cores) == 0


def _said(core: Any, number: int) -> Any:
    pot = f"pot-{number}"
    core.within(lambda work: work.say("pot_made", pot, {"id": pot, "size": 1}))
    with core.database.transaction() as session:
        query = select(outbox.c.envelope).where(outbox.c.subject == pot)
        return session.scalars(query).one()


def _fails(work: Any, event: Any) -> None:
    raise ValueError("not today")


def _mark_published(core: Any) -> None:
    with core.database.transaction() as session:
        session.execute(update(outbox).values(published_at=core.clock.now()))


def _unpublished(core: Any) -> list[str]:
    with core.database.transaction() as session:
        return list(
            session.scalars(select(outbox.c.event_id).where(outbox.c.published_at.is_(None)))
        )
