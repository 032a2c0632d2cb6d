"""What was refused of partners: one line for each and each reason, whatever the flood."""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import select

from services.chassis.work import Work
from services.registration.partners import sharing
from services.registration.partners.package import Rejected
from services.registration.tables import Cycle, Partner, RefusedPackages

log = structlog.get_logger()

STRANGER = "?"
"""Whoever is no partner of ours: a name that anybody can invent is not kept."""


def record(
    work: Work,
    sender: str | None,
    verdict: str,
    reason: str,
    kind: str | None = None,
    cycle: str | None = None,
    evidence: dict[str, Any] | None = None,
) -> None:
    """Counts a refusal, keeps its reason, and logs it."""
    name = sender if sender is not None and is_known(work, sender) else STRANGER
    log.warning("package_refused", partner=name, verdict=verdict, kind=kind, reason=reason[:300])
    work.lock(f"refusals:{name}")
    row = work.session.get(RefusedPackages, (name, verdict), populate_existing=True)
    if row is None:
        row = RefusedPackages(partner=name, verdict=verdict, number=0, first_at=work.now)
        work.session.add(row)
    row.number += 1
    row.kind, row.cycle = kind and kind[:64], cycle and cycle[:64]
    row.reason, row.last_at = reason[:300], work.now
    row.evidence = evidence or row.evidence
    work.session.flush()


def note(
    work: Work, sender: str | None, refused: Rejected, kind: str | None, cycle: str | None
) -> None:
    """Records why something was not taken, with its signer where that is proved.

    A second grant was recorded with its evidence already. With what comes too early nothing is
    wrong, so nobody is blamed for it: it is logged.
    """
    if refused.verdict == "early":
        log.info("package_early", partner=sender, kind=kind, cycle=cycle, reason=refused.reason)
    elif refused.verdict != "double_grant":
        who = refused.signer or sender
        record(work, who, refused.verdict, refused.reason, kind, cycle)


def is_known(work: Work, name: str) -> bool:
    """Whether a partner of this name was added here, or stands in a cycle's file."""
    if work.session.get(Partner, name) is not None:
        return True
    return any(name in sharing.names(cycle) for cycle in work.session.scalars(select(Cycle)))


def lines(work: Work) -> list[RefusedPackages]:
    """All that was refused, the newest first."""
    query = select(RefusedPackages).order_by(
        RefusedPackages.last_at.desc(), RefusedPackages.partner, RefusedPackages.verdict
    )
    return list(work.session.scalars(query))
