"""What the other services would say, for tests of one service alone."""

from __future__ import annotations

from typing import Any

from tests.harness import Player, Troupe

MARATHON = "vallee-du-lot-2023-1"
GONE = ("withdrawn", "no_show", "disqualified")
EVENT_OF_STATE = {
    "announced": "marathon_announced",
    "mobilised": "marathon_mobilised",
    "running": "marathon_started",
    "ended": "marathon_ended",
    "deliberated": "marathon_changed",
    "closed": "marathon_closed",
    "cancelled": "marathon_cancelled",
}


class Letters:
    """One service on its own, hearing what it is told."""

    def __init__(self, service: str, storage: str, seed: int = 0) -> None:
        self.troupe = Troupe(storage, only=[service], seed=seed)
        self.player: Player = self.troupe.players[service]
        self.versions: dict[str, int] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.sent = 0

    def letter(
        self, speaker: str, event_type: str, kind: str, subject: str, state: dict[str, Any]
    ) -> dict[str, Any]:
        """An event as it comes from the wire, in the next version of its subject."""
        version = self.versions[subject] = self.versions.get(subject, 0) + 1
        self.sent += 1
        return {
            "specversion": "1.0",
            "id": f"{self.sent}",
            "source": f"urn:incroyable-territoire:test:{speaker}",
            "type": event_type,
            "subject": subject,
            "time": self.troupe.clock.now().isoformat(),
            "datacontenttype": "application/json",
            "dataschema": f"urn:incroyable-territoire:schema:{speaker}:{kind}:1",
            "data": {"epoch": 1, "version": version, **state},
        }

    def state_of(self, subject: str, first: dict[str, Any], changes: Any) -> dict[str, Any]:
        """A subject's state: as it was, or ``first``, with what changes."""
        self.states[subject] = self.states.get(subject, first) | changes
        return dict(self.states[subject])

    def erasure_letter(self, key: str) -> dict[str, Any]:
        """A person who was erased."""
        state = {"id": key, "at": self.troupe.clock.now().isoformat()}
        return self.letter("registration", "person_erased", "person", key, state)

    def hear(self, *letters: dict[str, Any]) -> None:
        """Hears letters in the order given; fails where one fails."""
        for letter in letters:
            self.player.hear(letter)
        failed = [row.traceback for row in self.player.failed()]
        assert not failed, failed[0]

    def said(self) -> list[str]:
        """The types of all that the service said, in order."""
        return [envelope["type"] for envelope in self.player.said()]

    def last(self, event_type: str) -> dict[str, Any]:
        """The state in the last event of a type."""
        return dict(self.player.said(event_type)[-1]["data"])


def project_event(status: str) -> str:
    """The event that says a project in a status."""
    return "project_withdrawn" if status in GONE else "project_confirmed"
