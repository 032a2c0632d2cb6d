"""Which ballots an invalidation takes out: by where and when they came, never by their choice.

``choice`` is not named in this file (RULES V9), nor is a project.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, distinct, exists, false, func, literal, or_, select

from services.chassis import proofs
from services.chassis.errors import Invalid, NotFound
from services.chassis.people import canonical_email
from services.chassis.work import Work
from services.voting import confirmations, polls
from services.voting.tables import BallotRow, InvalidatedBallot, Poll, QuarantineCase

AT_ONCE = 5000


@dataclass(frozen=True)
class Conditions:
    """What ballots have in common: all that is given has to hold, of the cases one.

    ``to_at`` is never after the look: so what comes in the meantime changes nothing.
    """

    cases: tuple[str, ...]
    domain: str | None
    from_at: datetime | None
    to_at: datetime

    def as_json(self) -> dict[str, Any]:
        """As it is stored and digested."""
        return {
            "cases": list(self.cases),
            "domain": self.domain,
            "from_at": self.from_at.isoformat() if self.from_at else None,
            "to_at": self.to_at.isoformat(),
        }

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Conditions:
        """What :meth:`as_json` made."""
        from_at = stored["from_at"]
        return Conditions(
            tuple(stored["cases"]),
            stored["domain"],
            datetime.fromisoformat(from_at) if from_at else None,
            datetime.fromisoformat(stored["to_at"]),
        )


@dataclass(frozen=True)
class Selection:
    """What conditions select right now: how many, and a digest of exactly which."""

    ballots: int
    voters: int
    requests: tuple[str, ...]
    digest: str


def conditions_of(
    now: datetime,
    cases: Iterable[str] = (),
    domain: str | None = None,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
) -> Conditions:
    """The conditions as they are asked for, up to ``now`` at the latest."""
    return Conditions(
        tuple(sorted(set(cases))),
        _domain(domain) if domain else None,
        from_at,
        now if to_at is None else min(to_at, now),
    )


def _domain(given: str) -> str:
    try:
        return domain_of(f"x@{given.strip().removeprefix('@')}")
    except Invalid as error:
        raise Invalid(
            "domain_invalid",
            "Ce n’est pas un domaine de courriel.",
            "Écrivez ce qui suit l’arobase, par exemple « example.org ».",
        ) from error


def domain_of(email: str) -> str:
    """The domain of an address, as far as a ballot keeps it (RULES V15)."""
    return canonical_email(email).rpartition("@")[2][:64]


def of(
    work: Work, poll: Poll, wanted: Conditions, requests: Collection[str] | None = None
) -> Selection:
    """What is selected now; with ``requests`` in the stead of those that wait now.

    Raises ``NotFound("case")`` for a case of another poll.
    """
    matching = _matching(work, poll, wanted)
    if requests is None:
        requests = _requests(work, poll, wanted)
    ballots, voters = numbers(work, matching)
    digest = _digest(work, poll, wanted, matching, requests)
    return Selection(ballots, voters, tuple(requests), digest)


def take_out(work: Work, poll: Poll, wanted: Conditions, decision: str) -> None:
    """Notes all selected ballots as invalidated."""
    rows = select(BallotRow.poll, BallotRow.tracker, literal(decision)).where(
        *_matching(work, poll, wanted)
    )
    columns = ["poll", "tracker", "decision"]
    table = InvalidatedBallot.__table__
    work.session.execute(table.insert().from_select(columns, rows))  # type: ignore[attr-defined]


def numbers(work: Work, matching: Collection[ColumnElement[bool]]) -> tuple[int, int]:
    """How many ballots match, and of how many voters."""
    count = select(func.count(), func.count(distinct(BallotRow.voter_key))).where(*matching)
    ballots, voters = work.session.execute(count).one()
    return ballots, voters


def standing(poll: Poll) -> list[ColumnElement[bool]]:
    """The ballots that came by mail and are not invalidated.

    Who votes on paper was handed a code; those are revoked by the batch (RULES V13).
    """
    is_out = exists().where(
        InvalidatedBallot.poll == BallotRow.poll, InvalidatedBallot.tracker == BallotRow.tracker
    )
    return [
        BallotRow.poll == poll.id,
        BallotRow.domain.is_not(None),
        ~is_out,
    ]


def of_cases(cases: Iterable[QuarantineCase]) -> ColumnElement[bool]:
    """The ballots of any of these cases."""
    return or_(false(), *(_of_case(case) for case in cases))


def hashed(work: Work, poll: Poll, what: Iterable[str]) -> str:
    """A digest of texts in their order, with the poll's secret: it can't be guessed back."""
    found = hmac.new(polls.secret_of(work, poll).encode(), b"selection", hashlib.sha256)
    for text in what:
        found.update(f"{len(text)}:{text}".encode())
    return found.hexdigest()


def _of_case(case: QuarantineCase) -> ColumnElement[bool]:
    found = [BallotRow.accepted_at >= case.from_at, BallotRow.accepted_at < case.to_at]
    if case.domain is not None:
        found.append(BallotRow.domain == case.domain)
    if case.network is not None:
        found.append(BallotRow.network == case.network)
    return and_(*found)


def _matching(work: Work, poll: Poll, wanted: Conditions) -> list[ColumnElement[bool]]:
    found = [*standing(poll), BallotRow.accepted_at < wanted.to_at]
    if wanted.from_at is not None:
        found.append(BallotRow.accepted_at >= wanted.from_at)
    if wanted.domain is not None:
        found.append(BallotRow.domain == wanted.domain)
    if wanted.cases:
        found.append(of_cases(_cases(work, poll, wanted.cases)))
    return found


def _cases(work: Work, poll: Poll, names: Collection[str]) -> list[QuarantineCase]:
    query = select(QuarantineCase).where(
        QuarantineCase.poll == poll.id, QuarantineCase.id.in_(names)
    )
    found = list(work.session.scalars(query.order_by(QuarantineCase.id)))
    missing = sorted(set(names) - {case.id for case in found})
    if missing:
        raise NotFound("case", missing[0])
    return found


def _requests(work: Work, poll: Poll, wanted: Conditions) -> list[str]:
    """The requests to vote that were not confirmed yet; of a case none: it is of ballots, found
    when all requests had ended."""
    if wanted.cases:
        return []
    return [each.id for each in confirmations.waiting(work, poll) if _asked_so(each, wanted)]


def _asked_so(request: proofs.Waiting, wanted: Conditions) -> bool:
    return (
        (wanted.domain is None or domain_of(request.email) == wanted.domain)
        and (wanted.from_at is None or request.issued_at >= wanted.from_at)
        and request.issued_at < wanted.to_at
    )


def _digest(
    work: Work,
    poll: Poll,
    wanted: Conditions,
    matching: Collection[ColumnElement[bool]],
    requests: Iterable[str],
) -> str:
    query = select(BallotRow.tracker).where(*matching).order_by(BallotRow.tracker)
    trackers = work.session.scalars(query, execution_options={"yield_per": AT_ONCE})
    asked = json.dumps(wanted.as_json(), sort_keys=True)
    return hashed(work, poll, (asked, *sorted(requests), "", *trackers))
