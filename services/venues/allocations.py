"""Allocations: a team's seat, from the proposal to its release (RULES P2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.venues import calls, fitting, seats
from services.venues import premises as places
from services.venues.tables import Allocation, Offer, Premises

STANDING = ("confirmed", "handed_over", "returned")
TEAM_STANDS = frozenset({"confirmed", "checked_in"})
GONE = frozenset({"withdrawn", "no_show", "disqualified"})
AFTER_THE_END = frozenset({"ended", "deliberated", "closed", "cancelled"})
MOVED = "L’équipe a été placée ailleurs."


def allocate(work: Work, marathon: str, project: str, offer: str) -> dict[str, Any]:
    """Proposes one place for one team, in the stead of what was proposed before.

    Raises ``Refusal`` "does_not_fit" (with the hard constraints it breaks), "no_seat_left",
    "team_not_placed", "offer_not_approved", "placing_closed".
    """
    work.actor.must("organiser", marathon)
    state = calls.locked(work, marathon)
    calls.must_be_placing(state)
    team = team_of(work, marathon, project)
    row = _approved_offer(work, marathon, offer)
    premises = work.session.get_one(Premises, row.premises)
    from_at, to_at = calls.interval(state)
    must_fit(premises, team, state)
    taken = {one.seat for one in of_marathon(work, marathon, "proposed") if one.offer == offer}
    free = [s for s in seats.free(work, premises, from_at, to_at, ()) if s not in taken]
    if not free:
        raise _no_seat_left(premises)
    made = propose(work, state, project, row, free[0])
    return view_of(work, made)


def propose(
    work: Work, marathon: calls.Marathon, project: str, offer: Offer, seat: int
) -> Allocation:
    """A proposed seat, in the stead of what was proposed for the team before."""
    for old in of_marathon(work, marathon["id"], "proposed"):
        if old.project == project:
            work.session.delete(old)
    from_at, to_at = calls.interval(marathon)
    made = Allocation(
        id=work.new_id(),
        marathon=marathon["id"],
        project=project,
        offer=offer.id,
        premises=offer.premises,
        seat=seat,
        from_at=from_at,
        to_at=to_at,
        status="proposed",
        reason=None,
        misfits=[],
        held=False,
        keys_out_at=None,
        keys_out_by=None,
        keys_back_at=None,
        keys_back_by=None,
    )
    work.session.add(made)
    work.session.flush()
    return made


def confirm(work: Work, allocation: str) -> dict[str, Any]:
    """Confirms a proposed seat: by the owner of the premises, or by an organiser.

    The team's seat elsewhere, if it has one, is given up. Again changes nothing. Raises
    ``Refusal`` "does_not_fit", "no_seat_left", "keys_are_out", "offer_not_approved",
    "team_not_placed", "placing_closed", "allocation_move_impossible".
    """
    row, state = _locked(work, allocation)
    _must_concern(work, row)
    if row.status == "confirmed":
        return view_of(work, row)
    _confirm(work, state, [row])
    return view_of(work, row)


def confirm_all(work: Work, marathon: str) -> list[dict[str, Any]]:
    """Confirms all that is proposed, or nothing of it; answers the seats that stand."""
    work.actor.must("organiser", marathon)
    state = calls.locked(work, marathon)
    _confirm(work, state, of_marathon(work, marathon, "proposed"))
    return [view_of(work, row) for row in of_marathon(work, marathon, *STANDING)]


def decline(work: Work, allocation: str, reason: str) -> dict[str, Any]:
    """Declines a proposed seat, by the owner or an organiser."""
    row, state = _locked(work, allocation)
    _must_concern(work, row)
    if row.status != "declined":
        _must_not_be_over(state)
        must_be(row, "proposed")
        row.status, row.reason = "declined", reason
    return view_of(work, row)


def cancel(work: Work, allocation: str, reason: str) -> dict[str, Any]:
    """Cancels a seat before the keys are handed over, by the owner or an organiser."""
    row, state = _locked(work, allocation)
    _must_concern(work, row)
    if row.status != "cancelled":
        _must_not_be_over(state)
        must_be(row, "proposed", "confirmed")
        give_up(work, row, "cancelled", reason)
    return view_of(work, row)


def cancel_all(work: Work, offer: Offer, reason: str) -> None:
    """Cancels the seats of an offer; its keys are in."""
    for row in of_marathon(work, offer.marathon, "proposed", "confirmed"):
        if row.offer == offer.id:
            give_up(work, row, "cancelled", reason)


def give_up(work: Work, row: Allocation, status: str, reason: str | None) -> None:
    """Frees the seat; what was said of is said to be released."""
    was_said = row.status in STANDING
    seats.leave(work, row)
    row.status, row.reason, row.misfits, row.held = status, reason, [], False
    if was_said:
        say(work, row)


def release_the_gone(work: Work, marathon: str) -> None:
    """Gives up the seats of teams that take part no more; those with keys return them first."""
    for row in of_marathon(work, marathon, "proposed", "confirmed", "returned"):
        team = work.copy("project", row.project)
        if team is not None and team["status"] in GONE:
            status = "released" if row.status == "returned" else "cancelled"
            give_up(work, row, status, team["reason"])


def check(work: Work, marathon: str) -> None:
    """Notes on every seat that stands what no longer fits: the organiser decides.

    A seat whose marathon moved in time moves with it, where it is free.
    """
    state = work.copy("marathon", marathon)
    if state is None or state["starts_at"] is None or state["ends_at"] is None:
        return
    for row in of_marathon(work, marathon, "proposed", *STANDING):
        _move_in_time(work, row, state)
        premises = work.session.get_one(Premises, row.premises)
        row.misfits = _misfits(work, row, premises)
    work.session.flush()


def list_allocations(work: Work, marathon: str, page: Page) -> Answer:
    """The seats that stand or stood, for everybody; proposals and refusals, for whom it is."""
    return page.rows(
        work.session,
        select(Allocation).where(Allocation.marathon == marathon),
        (Allocation.project, Allocation.id),
        lambda row: view_of(work, row),
        shown=lambda row: _is_shown(work, row),
    )


def get(work: Work, allocation: str) -> dict[str, Any]:
    """One seat. Raises ``NotFound("allocation")``, also for whom it is not shown to."""
    row = _found(work, allocation)
    if not _is_shown(work, row):
        raise NotFound("allocation", allocation)
    return view_of(work, row)


def of_marathon(work: Work, marathon: str, *statuses: str) -> list[Allocation]:
    """The allocations of a marathon in these states, or in any."""
    query = select(Allocation).where(Allocation.marathon == marathon)
    if statuses:
        query = query.where(Allocation.status.in_(statuses))
    query = query.order_by(Allocation.project, Allocation.id)
    return list(work.session.scalars(query))


def team_of(work: Work, marathon: str, project: str) -> fitting.Team:
    """A team that is to be placed. Raises ``Refusal("team_not_placed")``."""
    team = work.copy("project", project)
    if team is None or team["marathon"] != marathon:
        raise NotFound("project", project)
    if team["status"] not in TEAM_STANDS:
        raise Refusal(
            "team_not_placed",
            f"L’équipe « {team['title']} » ne participe pas.",
            team=team["title"],
        )
    return team


def teams(work: Work, marathon: str) -> list[fitting.Team]:
    """The teams that take part, by id."""
    return [team for team in work.copies("project", marathon) if team["status"] in TEAM_STANDS]


def must_fit(premises: Premises, team: fitting.Team, state: calls.Marathon) -> None:
    """Raises ``Refusal("does_not_fit")`` with the constraints that are broken."""
    kinds = fitting.misfits(premises, team, *calls.interval(state))
    if kinds:
        sentences = [fitting.sentence(kind, premises, team) for kind in kinds]
        raise Refusal("does_not_fit", " ".join(sentences), misfits=kinds)


def say(work: Work, row: Allocation) -> None:
    """Says where a team is, or that it no longer is there."""
    work.session.flush()
    premises = work.session.get_one(Premises, row.premises)
    names = ("id", "status", "premises", "seat", "project", "marathon", "from_at", "to_at")
    state = {name: getattr(row, name) for name in (*names, "reason")} | {
        "address": places.public_address(premises),
        "step_free": premises.step_free,
        "owner_key": premises.owner_key,
        "owner_siren": premises.owner_siren,
    }
    stands = row.status in STANDING
    work.say("premises_allocated" if stands else "premises_released", row.id, state)


def view_of(work: Work, row: Allocation) -> dict[str, Any]:
    """An allocation as far as the asker may know it."""
    premises = work.session.get_one(Premises, row.premises)
    state = work.copy("marathon", row.marathon) or {"state": ""}
    concerns = _concerns(work, row)
    team = work.copy("project", row.project)
    keys_due = row.keys_out_at is not None and row.keys_back_at is None
    return {
        **vars(row),
        "title": premises.title,
        "address": places.public_address(premises),
        "step_free": premises.step_free,
        "reason": row.reason if concerns else None,
        "misfits": [fitting.sentence(kind, premises, team) for kind in row.misfits]
        if concerns
        else None,
        "keys_out_at": row.keys_out_at if concerns else None,
        "keys_back_at": row.keys_back_at if concerns else None,
        "keys_due": keys_due and state["state"] in AFTER_THE_END,
    }


# --- confirming -----------------------------------------------------------------------------


def _confirm(work: Work, state: calls.Marathon, rows: Iterable[Allocation]) -> None:
    """Confirms these; first the seats that their teams give up are freed for the others."""
    calls.must_be_placing(state)
    wanted = list(rows)
    for row in wanted:
        must_be(row, "proposed")
        _must_be_possible(work, row, state)
    for row in wanted:
        _give_up_others(work, row)
    for row in wanted:
        row.from_at, row.to_at = calls.interval(state)
        premises = work.session.get_one(Premises, row.premises, populate_existing=True)
        if not seats.take_any(work, row, premises):
            raise _no_seat_left(premises)
        row.status, row.misfits = "confirmed", []
        say(work, row)


def _must_be_possible(work: Work, row: Allocation, state: calls.Marathon) -> None:
    team = team_of(work, row.marathon, row.project)
    offer = _approved_offer(work, row.marathon, row.offer)
    must_fit(work.session.get_one(Premises, offer.premises), team, state)


def _give_up_others(work: Work, row: Allocation) -> None:
    for other in of_marathon(work, row.marathon, *STANDING):
        if other.project != row.project:
            continue
        if other.status != "confirmed":
            raise _keys_are_out()
        give_up(work, other, "cancelled", MOVED)


# --- checking -------------------------------------------------------------------------------


def _move_in_time(work: Work, row: Allocation, state: calls.Marathon) -> None:
    premises = work.session.get_one(Premises, row.premises)
    moved = (row.from_at, row.to_at) != calls.interval(state)
    row.from_at, row.to_at = calls.interval(state)
    if row.status not in STANDING:
        return
    if moved:
        seats.leave(work, row)
    # A seat that somebody else had at the new time may be free by now.
    if moved or not seats.has_seat(work, row):
        seats.take_any(work, row, premises)
    if moved:
        say(work, row)


def _misfits(work: Work, row: Allocation, premises: Premises) -> list[str]:
    team = work.copy("project", row.project)
    if team is None or team["status"] not in TEAM_STANDS:
        return ["team_gone"]
    found = fitting.misfits(premises, team, row.from_at, row.to_at)
    if row.status in STANDING and not seats.has_seat(work, row):
        found.append("seat_taken")
    if row.seat > premises.capacity:
        found.append("capacity")
    return found


# --- who and when ---------------------------------------------------------------------------


def _locked(work: Work, allocation: str) -> tuple[Allocation, calls.Marathon]:
    state = calls.locked(work, _found(work, allocation).marathon)
    # Again under the lock: a proposal may have been replaced by another meanwhile.
    return _found(work, allocation), state


def _found(work: Work, allocation: str) -> Allocation:
    row = work.session.get(Allocation, allocation, populate_existing=True)
    if row is None:
        raise NotFound("allocation", allocation)
    return row


def _must_not_be_over(state: calls.Marathon) -> None:
    if state["state"] in calls.OVER:
        raise Refusal("marathon_over", "Ce marathon est terminé : ses locaux sont réglés.")


def locked_with_keys(work: Work, allocation: str) -> Allocation:
    """An allocation, now locked, of somebody who may hold its keys: owner or organiser."""
    row, _state = _locked(work, allocation)
    _must_concern(work, row)
    return row


def _approved_offer(work: Work, marathon: str, offer: str) -> Offer:
    row = work.session.get(Offer, offer, populate_existing=True)
    if row is None or row.marathon != marathon:
        raise NotFound("offer", offer)
    if row.state != "approved":
        raise Refusal(
            "offer_not_approved",
            "Ce local n’est pas (ou plus) approuvé.",
            "Approuvez d’abord l’offre.",
        )
    return row


def _concerns(work: Work, row: Allocation) -> bool:
    if work.actor.has("organiser", row.marathon):
        return True
    owner_key = work.session.get_one(Premises, row.premises).owner_key
    return work.actor.key is not None and work.actor.key == owner_key


def _must_concern(work: Work, row: Allocation) -> None:
    if not _concerns(work, row):
        work.actor.must("organiser", row.marathon)


def _is_shown(work: Work, row: Allocation) -> bool:
    return row.status in (*STANDING, "released") or _concerns(work, row)


def must_be(row: Allocation, *statuses: str) -> None:
    """Raises ``Refusal("allocation_move_impossible")`` from any other state."""
    if row.status not in statuses:
        raise Refusal(
            "allocation_move_impossible",
            "Cette attribution n’en est pas (ou plus) à cette étape.",
            status_now=row.status,
        )


def _no_seat_left(premises: Premises) -> Refusal:
    return Refusal(
        "no_seat_left",
        f"« {premises.title} » n’a plus de place libre pendant ce marathon.",
        "Choisissez un autre local, ou proposez une nouvelle répartition.",
        premises=premises.title,
    )


def _keys_are_out() -> Refusal:
    return Refusal(
        "keys_are_out",
        "L’équipe a déjà reçu des clés.",
        "Faites d’abord rendre les clés.",
    )
