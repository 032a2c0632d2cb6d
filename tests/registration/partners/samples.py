"""Packages of each kind, with invented towns, keys and instants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.registration.partners import keys
from services.registration.partners.package import FindKey, KeyState, Package, keyring

NOW = datetime(2026, 11, 26, 8, 0, 0, 120_000, tzinfo=UTC)
ALPHA = keys.from_seed(bytes(range(32)))
BETA = keys.from_seed(bytes(range(32, 64)))
STRANGER = keys.from_seed(bytes(range(64, 96)))
DIGEST = "ab" * 32
RELAY = "cd" * 16 + ".217756800"

LEG = {
    "marathon": "valley-1",
    "leg": 1,
    "state": "closed",
    "closed_at": "2026-11-25T18:00:00Z",
    "palmares_digest": DIGEST,
}
TEMPLATES = {
    "settings": {
        "who_may_vote": "everyone",
        "elsewhere_may_vote": True,
        "tie_rule": "shared",
        "hold_days": 0,
    }
}
LINK = {"term": 1, "hop": 1, "marathon": "valley-1", "granted_at": "2026-01-05T08:00:00Z"}

BODIES: dict[str, dict[str, Any]] = {
    "baton.offer": {
        "relay": RELAY,
        "from_marathon": "valley-1",
        "to_marathon": "valley-2",
        "deadline": "2026-12-10T08:00:00Z",
        "leg": LEG,
        "templates": TEMPLATES,
    },
    "baton.answer": {"relay": RELAY, "answer": "refused", "reason": "Pas de salle cet hiver…"},
    "baton.grant": {
        "relay": RELAY,
        "from_marathon": "valley-1",
        "to_marathon": "valley-2",
        "granted_at": "2026-11-26T07:59:59.5Z",
        "leg": LEG,
        "baton": {
            "leg": 1,
            "palmares_digest": DIGEST,
            "chain": [LINK],
            "templates": TEMPLATES,
        },
        "previous": None,
        "reason": None,
    },
    "baton.receipt": {"relay": RELAY, "grant": "g1"},
    "baton.withdraw": {"relay": RELAY, "reason": "expired"},
    "leg.notice": {
        "legs": [
            {
                "marathon": "valley-1",
                "leg": 1,
                "state": "closed",
                "epoch": 1,
                "version": 12,
                "title": "L’été à Villeneuve 🌻",
                "host_insee": "47323",
                "host_name": "Villeneuve-sur-Lot",
                "mobilises_at": None,
                "starts_at": "2026-11-20T08:00:00Z",
                "ends_at": "2026-11-21T20:00:00Z",
                "closed_at": "2026-11-25T18:00:00Z",
                "reason": None,
                "palmares": {
                    "number": 1,
                    "digest": DIGEST,
                    "ranks": [{"rank": 1, "projects": ["La Roue", "Le Four"]}],
                    "prizes": [{"prize": "Prix du public", "project": "La Roue"}],
                    "public_winners": ["La Roue"],
                },
            }
        ],
        "chain": [],
        "asks": "n-1",
        "answers": None,
    },
}


def sample(kind: str = "baton.answer", **changed: Any) -> Package:
    """A package from alpha to beta."""
    values = {
        "id": "p1",
        "kind": kind,
        "cycle": "valley",
        "term": 1,
        "hop": 2,
        "sender": "alpha",
        "recipient": "beta",
        "sent_at": NOW,
        "body": BODIES.get(kind, {}),
    }
    return Package(**{**values, **changed})


def ring(**states: Any) -> FindKey:
    """The keys of alpha and beta; ``alpha="revoked"`` or a state and an instant."""
    found = {"alpha": ("active", None), "beta": ("active", None), **states}
    publics = {"alpha": ALPHA.public, "beta": BETA.public}
    return keyring(
        {name: [KeyState(found[name][0], publics[name], found[name][1])] for name in publics}
    )
