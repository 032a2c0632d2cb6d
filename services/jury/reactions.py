"""What the jury does when it hears something: all that the present copies require.

Nothing depends on an event's type or on its order (ADR: copies and reconcile): heard twice,
late or in another order, the outcome is the same.
"""

from __future__ import annotations

from sqlalchemy import select

from services.chassis.inbox import HeardEvent
from services.chassis.work import Work
from services.jury import panels, scorecards, standing
from services.jury.tables import Panel

WITHOUT_PANEL = frozenset({"draft", "announced"})


def react(work: Work, event: HeardEvent) -> None:
    """Does what an event, now among the copies, requires."""
    if event.marathon is not None:
        reconcile(work, event.marathon)
    elif event.kind == "role":
        _reconcile_all(work)


def reconcile(work: Work, marathon: str) -> None:
    """Brings a marathon's panel to where the copies have it.

    The caller holds the marathon's lock.
    """
    state = work.copy("marathon", marathon)
    if state is None or state["state"] in WITHOUT_PANEL:
        return
    panel = panels.of_marathon(work, marathon) or panels.draft(work, marathon)
    panels.follow(panel, state["state"])
    standing.sync_recusals(work, panel)
    panels.tell(work, panel)
    scorecards.tell_progress(work, panel)


def _reconcile_all(work: Work) -> None:
    # Locked in order, so that two of these never wait for each other in a ring.
    for marathon in work.session.scalars(select(Panel.marathon).order_by(Panel.marathon)).all():
        work.lock(f"marathon:{marathon}")
        reconcile(work, marathon)
