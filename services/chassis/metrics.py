"""Counters of a process, in Prometheus' form; none of them depends on how anyone voted."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

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
