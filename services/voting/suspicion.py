"""What looks suspicious among the ballots of a poll that closes (RULES V15).

Too many voters of one network, of one mail domain that is not everybody's, or in one second; and
ballots of a domain that was invalidated while the poll was open. Nothing here knows for what
anybody voted.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    String,
    cast,
    distinct,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from services.chassis.work import Work
from services.voting import selection
from services.voting.rules import RULES
from services.voting.tables import BallotRow, Decision, Poll

COMMON = Path(__file__).with_name("data") / "common_domains.json"
SECOND, LEAST_STEP = timedelta(seconds=1), timedelta(microseconds=1)
LIMITS = {
    "network": RULES.suspicious_network,
    "domain": RULES.suspicious_domain,
    "second": RULES.suspicious_second,
}


class Finding(NamedTuple):
    """Ballots that have something in common which so many seldom have."""

    kind: str
    limit: int
    from_at: datetime
    to_at: datetime
    domain: str | None = None
    network: str | None = None


def look(work: Work, poll: Poll) -> list[Finding]:
    """All that is suspicious in a poll, in an order that the choices have no part in."""
    standing = selection.standing(poll)
    _ballots, voters = selection.numbers(work, standing)
    limits = {
        kind: limit.among(voters, (poll.suspicion or {}).get(kind))
        for kind, limit in LIMITS.items()
    }
    again = list(_again(work, poll))
    known = common_domains() | {finding.domain for finding in again}
    networks = _many(work, standing, BallotRow.network, limits["network"])
    domains = _many(work, standing, BallotRow.domain, limits["domain"])
    return [
        *(
            Finding("network", limits["network"], since, until, network=of)
            for of, since, until in networks
        ),
        *(
            Finding("domain", limits["domain"], since, until, domain=of)
            for of, since, until in domains
            if of not in known
        ),
        *_bursts(work, standing, limits["second"]),
        *again,
    ]


@functools.cache
def common_domains() -> frozenset[str]:
    """The domains where anybody may have an address."""
    return frozenset(json.loads(COMMON.read_text())["domains"])


def _many(
    work: Work,
    standing: Iterable[ColumnElement[bool]],
    column: InstrumentedAttribute[str | None],
    limit: int,
) -> Iterator[Any]:
    """The values that ``limit`` voters or more have in common, and when their ballots came."""
    first, last = func.min(BallotRow.accepted_at), func.max(BallotRow.accepted_at)
    query = (
        select(column, first, last)
        .where(*standing, column.is_not(None))
        .group_by(column)
        .having(func.count(distinct(BallotRow.voter_key)) >= limit)
        .order_by(first, column)
    )
    for value, since, until in work.session.execute(query).all():
        yield value, since, until + LEAST_STEP


def _bursts(work: Work, standing: Iterable[ColumnElement[bool]], limit: int) -> Iterator[Finding]:
    """The seconds in which ``limit`` voters or more voted; those that are close as one."""
    second = _second(work)
    query = (
        select(second)
        .where(*standing)
        .group_by(second)
        .having(func.count(distinct(BallotRow.voter_key)) >= limit)
        .order_by(second)
    )
    seconds = [_instant(value) for value in work.session.scalars(query)]
    for since, until in runs(seconds, timedelta(seconds=RULES.burst_gap_s)):
        yield Finding("second", limit, since, until + SECOND)


def runs(moments: Iterable[datetime], gap: timedelta) -> list[tuple[datetime, datetime]]:
    """Sorted moments as spans, from first to last, of those no more than ``gap`` apart."""
    found: list[tuple[datetime, datetime]] = []
    for moment in moments:
        if found and moment - found[-1][1] <= gap:
            found[-1] = (found[-1][0], moment)
        else:
            found.append((moment, moment))
    return found


def _again(work: Work, poll: Poll) -> Iterator[Finding]:
    """Ballots of domains that were invalidated, cast after that: whoever had the addresses may
    have gone on. One time is enough to look."""
    done = Decision.poll == poll.id, Decision.kind == "invalidation", Decision.state == "applied"
    since: dict[str, datetime] = {}
    for stored in work.session.scalars(select(Decision.conditions).where(*done)):
        wanted = selection.Conditions.from_json(stored or {})
        # What was wrong from some moment on is over with it.
        if wanted.domain is not None and wanted.from_at is None:
            since[wanted.domain] = max(wanted.to_at, since.get(wanted.domain, wanted.to_at))
    for domain, moment in sorted(since.items()):
        after = (BallotRow.domain == domain, BallotRow.accepted_at >= moment)
        query = select(func.max(BallotRow.accepted_at)).where(*selection.standing(poll), *after)
        last = work.session.scalar(query)
        if last is not None:
            yield Finding("again", 1, moment, last + LEAST_STEP, domain=domain)


def _second(work: Work) -> ColumnElement[Any]:
    if work.session.get_bind().dialect.name == "postgresql":
        return func.date_trunc("second", BallotRow.accepted_at)
    return func.substr(cast(type_coerce(BallotRow.accepted_at, String), String), 1, 19)


def _instant(value: datetime | str) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC)
