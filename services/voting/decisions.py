"""What two organisers sign before the count: an invalidation, or to count all the same (V9).

The first signature names exactly what was previewed, by a digest; the second carries it out, all
in one transaction, or finds that something else would be selected by now. Until then, or until it
is withdrawn, the count waits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update

from services.chassis import held, proofs
from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.voting import before_count, quarantine, selection
from services.voting.rules import RULES
from services.voting.selection import Conditions, Selection
from services.voting.tables import Decision, Poll

SIGNED, APPLIED, WITHDRAWN = "signed", "applied", "withdrawn"
INVALIDATION, RELEASE = "invalidation", "release"


def preview(work: Work, poll: str, **asked: Any) -> dict[str, Any]:
    """What an invalidation would take out; changes nothing.

    Raises ``NotFound`` "poll" or "case", ``Forbidden``, ``Invalid("domain_invalid")``,
    ``Refusal`` "poll_not_open" or "poll_counted".
    """
    found = before_count.seen(work, poll)
    before_count.must_not_be_counted(found)
    wanted = selection.conditions_of(work.now, **asked)
    return {"poll": found.id, **_asked(wanted), **_numbers(selection.of(work, found, wanted))}


def sign_invalidation(
    work: Work, poll: str, reason: str, digest: str, **asked: Any
) -> dict[str, Any]:
    """The first signature, under what was previewed with this ``digest``.

    Raises what :func:`before_count.held` and :func:`preview` raise, and ``Refusal``
    "selection_changed", "nothing_selected", "too_few_voters" or "decision_waiting".
    """
    found = before_count.held(work, poll)
    wanted = selection.conditions_of(work.now, **asked)
    selected = selection.of(work, found, wanted)
    if selected.digest != digest:
        raise _changed(selected)
    _must_be_a_batch(selected)
    return _sign(work, found, INVALIDATION, reason, selected, wanted)


def sign_release(work: Work, poll: str, reason: str) -> dict[str, Any]:
    """The first signature under a count although cases are open.

    Raises what :func:`before_count.held` raises, and ``Refusal`` "poll_still_open",
    "nothing_waits" or "decision_waiting".
    """
    found = before_count.held(work, poll)
    if found.state != "closed":
        raise Refusal(
            "poll_still_open",
            "Le vote n’est pas clos : il n’y a pas encore de bulletins à part.",
            "Attendez la clôture du vote.",
        )
    if not quarantine.holds(work, found):
        raise Refusal("nothing_waits", "Rien n’attend : le dépouillement suit de lui-même.")
    return _sign(work, found, RELEASE, reason, _all_cases(work, found), None)


def sign(work: Work, poll: str, decision: str, digest: str) -> dict[str, Any]:
    """The second signature, by somebody else: the decision is carried out.

    ``digest`` is of what the signer saw. Raises what :func:`before_count.held` raises,
    ``NotFound("decision")``, and ``Refusal`` "decision_over", "second_person_needed" or
    "selection_changed"; then nothing is carried out.
    """
    found = before_count.held(work, poll)
    row = _waiting(work, found, decision)
    if row.first_key == work.actor.key:
        raise Refusal(
            "second_person_needed",
            "Vous avez déjà signé : la seconde signature est celle d’une autre personne.",
            "Demandez-la à un autre organisateur, ou au syndicat mixte.",
            403,
        )
    row.state, row.second_at = APPLIED, work.now
    row.second_key, row.second_name = work.actor.key, work.actor.name[:200]
    if row.kind == INVALIDATION:
        _invalidate(work, found, row, digest)
    else:
        _release(work, found, row, digest)
    quarantine.settle(work, found)
    return _line(row)


def withdraw(work: Work, poll: str, decision: str) -> dict[str, Any]:
    """Takes back what has one signature: any organiser may, so that nobody holds up the count.

    Raises what :func:`before_count.held` raises, ``NotFound("decision")``,
    ``Refusal("decision_over")``.
    """
    found = before_count.held(work, poll)
    row = _waiting(work, found, decision)
    _end(work, row)
    return _line(row)


def list_decisions(work: Work, poll: str, page: Page) -> Answer:
    """The decisions on a poll, oldest first, for its organisers."""
    found = before_count.seen(work, poll)
    query = select(Decision).where(Decision.poll == found.id)
    return page.rows(work.session, query, (Decision.first_at, Decision.id), _line)


def summary(work: Work, poll: Poll) -> list[dict[str, Any]]:
    """What was carried out, as the record shows it: to everybody, so without domains and names.

    Names may have to be erased, and a record never changes (RULES D2).
    """
    done = Decision.poll == poll.id, Decision.state == APPLIED
    query = select(Decision).where(*done).order_by(Decision.second_at, Decision.id)
    return [_public(row) for row in work.session.scalars(query)]


def end_all(work: Work, poll: Poll) -> None:
    """Withdraws what waits for a second signature that nobody can give any more."""
    for row in work.session.scalars(_waiting_of(poll)):
        _end(work, row)


def unlink(work: Work, poll: Poll) -> None:
    """Leaves of the decisions their numbers, reasons and signatures: not what they selected."""
    end_all(work, poll)
    mine = update(Decision).where(Decision.poll == poll.id)
    work.session.execute(mine.values(conditions=None, requests=None))


def forget(work: Work, person: str | None = None, poll: Poll | None = None) -> None:
    """Takes the names away, of an erased person or of all who signed in a poll; keys stay
    (RULES D1, D2)."""
    for one in ("first", "second", "withdrawn"):
        key, name = getattr(Decision, f"{one}_key"), getattr(Decision, f"{one}_name")
        of = Decision.poll == poll.id if poll else key == person
        work.session.execute(update(Decision).where(of, name.is_not(None)).values({name: ""}))


def signed_by(work: Work, person: str) -> list[dict[str, Any]]:
    """What a person signed or withdrew, for them to see."""
    theirs = or_(
        *(key == person for key in (Decision.first_key, Decision.second_key)),
        Decision.withdrawn_key == person,
    )
    query = select(Decision, Poll.marathon).join(Poll, Poll.id == Decision.poll).where(theirs)
    return [
        {"marathon": marathon, "kind": row.kind, **held.columns(row, "reason", "first_at")}
        for row, marathon in work.session.execute(query.order_by(Decision.first_at, Decision.id))
    ]


# --- signing ------------------------------------------------------------------------------


def _sign(
    work: Work,
    poll: Poll,
    kind: str,
    reason: str,
    selected: Selection,
    wanted: Conditions | None,
) -> dict[str, Any]:
    twice = _waiting_of(poll).where(Decision.kind == kind, Decision.digest == selected.digest)
    known = work.session.scalar(twice)
    if known is not None:
        raise Refusal(
            "decision_waiting",
            "Cette décision est déjà signée une fois.",
            "Donnez la seconde signature à celle qui attend.",
            decision=known.id,
        )
    row = Decision(
        id=work.new_id(),
        poll=poll.id,
        kind=kind,
        state=SIGNED,
        reason=reason,
        conditions=wanted.as_json() if wanted else None,
        requests=list(selected.requests),
        digest=selected.digest,
        ballots=selected.ballots,
        voters=selected.voters,
        pending=len(selected.requests),
        first_key=work.actor.key,
        first_name=work.actor.name[:200],
        first_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    return _line(row)


def _invalidate(work: Work, poll: Poll, row: Decision, digest: str) -> None:
    wanted, requests = Conditions.from_json(row.conditions or {}), row.requests or []
    # Taken back before it is asked whether one was used: who confirms right now comes first.
    ended = proofs.take_back(work, requests)
    selected = selection.of(work, poll, wanted, requests)
    if not row.digest == digest == selected.digest or proofs.was_used(work, requests):
        raise _changed(selected)
    selection.take_out(work, poll, wanted, row.id)
    row.requests, row.pending = None, ended


def _release(work: Work, poll: Poll, row: Decision, digest: str) -> None:
    present = _all_cases(work, poll)
    if not row.digest == digest == present.digest:
        raise _changed(present)
    for case in quarantine.open_cases(work, poll):
        quarantine.let_go(work, case, row.reason)
    row.requests = None
    # To count all the same is to wait for nothing else.
    work.session.flush()
    end_all(work, poll)


def _all_cases(work: Work, poll: Poll) -> Selection:
    cases = quarantine.open_cases(work, poll)
    ballots, voters = quarantine.in_open_cases(work, poll)
    named = (f"{case.id} {case.remaining}" for case in cases)
    return Selection(ballots, voters, (), selection.hashed(work, poll, ("release", *named)))


def _must_be_a_batch(selected: Selection) -> None:
    if not selected.ballots and not selected.requests:
        raise Refusal("nothing_selected", "Ces conditions ne concernent aucun bulletin.")
    if 0 < selected.voters < RULES.least_invalidated:
        raise Refusal(
            "too_few_voters",
            "Trop peu d’électeurs sont concernés : les totaux publiés montreraient leur choix.",
            "Élargissez les conditions.",
            least=RULES.least_invalidated,
        )


def _waiting(work: Work, poll: Poll, decision: str) -> Decision:
    row = work.session.get(Decision, decision, populate_existing=True)
    if row is None or row.poll != poll.id:
        raise NotFound("decision", decision)
    if row.state != SIGNED:
        raise Refusal(
            "decision_over", "Cette décision n’attend plus de signature.", state=row.state
        )
    return row


def _waiting_of(poll: Poll) -> Any:
    return select(Decision).where(Decision.poll == poll.id, Decision.state == SIGNED)


def _end(work: Work, row: Decision) -> None:
    row.state, row.withdrawn_at, row.requests = WITHDRAWN, work.now, None
    row.withdrawn_key, row.withdrawn_name = work.actor.key, work.actor.name[:200]


def _changed(present: Selection) -> Refusal:
    return Refusal(
        "selection_changed",
        "Entre-temps, ces conditions ne concernent plus les mêmes bulletins.",
        "Demandez un nouvel aperçu, puis signez-le ; retirez la décision qui attend.",
        ballots=present.ballots,
        voters=present.voters,
    )


# --- what is shown ------------------------------------------------------------------------


def _asked(wanted: Conditions) -> dict[str, Any]:
    names = ("cases", "domain", "from_at", "to_at")
    return {name: getattr(wanted, name) for name in names}


def _numbers(selected: Selection) -> dict[str, Any]:
    return {
        "ballots": selected.ballots,
        "voters": selected.voters,
        "pending": len(selected.requests),
        "digest": selected.digest,
    }


def _line(row: Decision) -> dict[str, Any]:
    nothing: dict[str, Any] = {"cases": [], "domain": None, "from_at": None, "to_at": None}
    asked = _asked(Conditions.from_json(row.conditions)) if row.conditions else nothing
    names = ("kind", "state", "reason", "digest", "ballots", "voters", "pending")
    hands = ("first_name", "first_at", "second_name", "second_at", "withdrawn_name", "withdrawn_at")
    return {
        "decision": row.id,
        **asked,
        **{name: getattr(row, name) for name in (*names, *hands)},
        "signers": [key for key in (row.first_key, row.second_key) if key is not None],
    }


def _public(row: Decision) -> dict[str, Any]:
    asked = row.conditions or {}
    # An open start or end, and a domain, stand in the conditions as nothing.
    by = [name for name in ("cases", "domain", "from_at") if asked.get(name)]
    names = ("kind", "reason", "ballots", "voters", "pending")
    return {
        **{name: getattr(row, name) for name in names},
        "conditions": by,
        "first_signed_at": _written(row.first_at),
        "second_signed_at": _written(row.second_at),
    }


def _written(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
