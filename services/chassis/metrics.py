"""Counters of a process, in Prometheus' form; none of them depends on how anyone voted."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

EVENTS_PUBLISHED = Counter("marathon_events_published", "Events the broker confirmed", ["service"])
EVENTS_HEARD = Counter("marathon_events_heard", "Events handled or stored as failed", ["service"])
CALLS = Histogram("marathon_call_seconds", "Time to answer a call", ["service", "door"])
DROPPED = Counter("marathon_calls_late", "Calls dropped past their deadline", ["service"])


def published(service: str, count: int) -> None:
    """Counts events the broker has confirmed."""
    EVENTS_PUBLISHED.labels(service).inc(count)


def answered(service: str, door: str, seconds: float) -> None:
    """Notes how long a call took."""
    CALLS.labels(service, door).observe(seconds)


def dropped(service: str) -> None:
    """Counts a call that came too late to be carried out."""
    DROPPED.labels(service).inc()


def heard(service: str) -> None:
    """Counts an event that may be acknowledged."""
    EVENTS_HEARD.labels(service).inc()


TAKEN = Counter("marathon_messages_taken", "Bulk messages handled", ["service", "stream"])


def taken(service: str, stream: str, count: int) -> None:
    """Counts bulk messages that were handled or stored as failed."""
    TAKEN.labels(service, stream).inc(count)


POLLS_OVERDUE = Gauge("marathon_polls_overdue", "Polls that are over and wait for ballots to close")


def polls_overdue(number: int) -> None:
    """Shows how many polls are over and can't close, for something has not come."""
    POLLS_OVERDUE.set(number)


# Of the process that sends mails; where several do, each shows the same: take the greatest.
MAILS_WAITING = Gauge("marathon_mails_waiting", "Mails that wait to be sent", ["service"])
MAILS_OLDEST = Gauge(
    "marathon_mails_oldest_seconds", "Since when the oldest of them waits", ["service"]
)
MAILS_PARKED = Gauge(
    "marathon_mails_parked", "Mails that are not sent any more", ["service", "reason"]
)
MAILS_SENT = Counter("marathon_mails_sent", "Mails that a server took", ["service"])
MAILS_FAILED = Counter(
    "marathon_mails_failed", "Attempts that failed: put off or parked", ["service", "outcome"]
)
MAILS_DROPPED = Counter(
    "marathon_mails_dropped", "Mails dropped unsent: their link expired, or too old",
    ["service", "outcome"],
)  # fmt: skip


def mails_waiting(service: str, number: int, oldest_s: float) -> None:
    """Shows how many mails wait in an outbox, and for how many seconds the oldest does."""
    MAILS_WAITING.labels(service).set(number)
    MAILS_OLDEST.labels(service).set(oldest_s)


def mails_parked(service: str, numbers: Mapping[str, int]) -> None:
    """Shows how many mails are parked in an outbox, by reason."""
    for reason, number in numbers.items():
        MAILS_PARKED.labels(service, reason).set(number)


def mails_sent(service: str, number: int) -> None:
    """Counts mails that a server took."""
    MAILS_SENT.labels(service).inc(number)


def mail_failed(service: str, outcome: str) -> None:
    """Counts an attempt that failed."""
    MAILS_FAILED.labels(service, outcome).inc()


def mails_dropped(service: str, outcome: str, number: int) -> None:
    """Counts mails that were dropped unsent."""
    MAILS_DROPPED.labels(service, outcome).inc(number)


PACKAGES_OUT = Counter(
    "marathon_packages_handed_over", "Packages a partner's way took", ["partner"]
)
PACKAGES_FAILED = Counter(
    "marathon_packages_not_handed_over", "Attempts that failed, and are repeated", ["partner"]
)
PACKAGES_IN = Counter(
    "marathon_packages_received", "Packages of partners, by what became of them",
    ["partner", "verdict"],
)  # fmt: skip


def carried(partner: str, number: int, failed: bool) -> None:
    """Counts packages that were handed over, and whether one was not."""
    PACKAGES_OUT.labels(partner).inc(number)
    if failed:
        PACKAGES_FAILED.labels(partner).inc()


def received(partner: str, verdict: str) -> None:
    """Counts a package of a partner."""
    PACKAGES_IN.labels(partner, verdict).inc()
