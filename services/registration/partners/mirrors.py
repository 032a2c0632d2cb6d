"""The legs that other instances operate, as their signed notices tell of them.

A mirror says no events and is moved by nobody here; a leg that is over stays over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.chassis import territory
from services.chassis.work import Work
from services.registration import marathons
from services.registration.partners import bodies, sharing
from services.registration.partners.package import Package, Rejected
from services.registration.tables import Cycle, Host, LegNotice, Marathon

FOLLOWED = ("title", "mobilises_at", "starts_at", "ends_at")


def hear(work: Work, cycle: Cycle, package: Package, leg: dict[str, Any]) -> bool:
    """Follows what a partner says of a leg; whether anything of it is new.

    Raises ``Rejected("not_allowed")`` for a leg that is not the sender's. The joint body may
    also say that somebody's leg is cancelled, of which nothing is heard any more.
    """
    row = work.session.get(Marathon, leg["marathon"])
    if row is None or row.cycle != cycle.id:
        raise Rejected("not_allowed", "it names no leg of the cycle")
    if row.operated_by != package.sender:
        return _given_up(work, cycle, package, row, leg)
    known = work.session.get(LegNotice, row.id)
    newest = (leg["epoch"], leg["version"])
    if known is not None and (known.epoch, known.version) >= newest:
        if (known.epoch, known.version) == newest:
            known.at = max(known.at, package.sent_at)  # it still says so
        return False
    notice = known or LegNotice(marathon=row.id)
    notice.sender, notice.at = package.sender, package.sent_at
    notice.epoch, notice.version = leg["epoch"], leg["version"]
    notice.body = bodies.LegShown().dump(leg)
    work.session.add(notice)
    _follow(work, row, leg)
    work.session.flush()
    return True


def _given_up(
    work: Work, cycle: Cycle, package: Package, row: Marathon, leg: dict[str, Any]
) -> bool:
    if package.sender != sharing.joint_body(cycle) or leg["state"] != "cancelled":
        raise Rejected("not_allowed", f"leg {row.leg} is not of {package.sender}")
    if row.operated_by == sharing.me(work) or row.state in marathons.OVER:
        return False
    give_up(work, cycle, row, leg["closed_at"], leg["reason"])
    return True


def give_up(
    work: Work, cycle: Cycle, row: Marathon, at: datetime | None, reason: str | None
) -> None:
    """Ends a leg elsewhere of which nothing is heard any more, by the joint body's word."""
    row.state, row.closed_at, row.reason = "cancelled", at, reason
    cycle.noticed = None
    work.session.flush()


def _follow(work: Work, row: Marathon, leg: dict[str, Any]) -> None:
    if row.state in marathons.OVER and leg["state"] not in marathons.OVER:
        return  # restored from an old copy: what was over for everybody stays so
    row.state, row.closed_at, row.reason = leg["state"], leg["closed_at"], leg["reason"]
    for name in FOLLOWED:
        setattr(row, name, leg[name])
    palmares = leg["palmares"]
    row.palmares = palmares and _reference(row, palmares)
    if leg["host_insee"] is not None:
        _reveal(work, row, leg["host_insee"], leg["host_name"])


def _reference(row: Marathon, palmares: dict[str, Any]) -> dict[str, Any]:
    return {"id": row.id, "number": palmares["number"], "digest": palmares["digest"]}


def _reveal(work: Work, row: Marathon, insee: str, name: str | None) -> None:
    commune = territory.load().commune(insee)
    shown = commune.name if commune is not None else name or insee
    host = work.session.get(Host, row.id) or Host(marathon=row.id, revealed_at=work.now)
    host.insee, host.name = insee, shown
    work.session.add(host)


def end(work: Work, marathon: str, leg: dict[str, Any] | None) -> None:
    """A grant says that its leg is over: so it is, if we only mirror it."""
    row = work.session.get(Marathon, marathon)
    if row is None or leg is None or row.state in marathons.OVER:
        return
    if sharing.is_elsewhere(work, row):
        row.state, row.closed_at = leg["state"], leg["closed_at"]
        if leg["palmares_digest"] is not None:
            row.palmares = {"id": row.id, "number": 1, "digest": leg["palmares_digest"]}
        work.session.flush()
