"""Answers of services for a marathon whose vote is counted, and a cycle on its way."""

from __future__ import annotations

from typing import Any

CYCLE = "vallee-du-lot-2023"
LEGS = (
    (
        "CC Fumel Vallée du Lot",
        "200068930",
        "Redynamisation du commerce",
        "Et si nous réinventions le commerce de centre-ville ?",
        "47179",
        "Monsempron-Libos",
        "closed",
        "2023-06-02",
    ),
    (
        "CC du Confluent et des Coteaux de Prayssas",
        "200068922",
        "Tourisme",
        "Et si nous réinventions le tourisme ?",
        "47001",
        "Aiguillon (fictif)",
        "closed",
        "2023-10-06",
    ),
    (
        "CA du Grand Villeneuvois",
        "200023307",
        "Agriculture et alimentation",
        "Et si nous visions la résilience alimentaire ?",
        "47323",
        "Villeneuve-sur-Lot",
        "running",
        "2024-01-26",
    ),
    (
        "CC des Bastides en Haut Agenais Périgord",
        "200036523",
        "Culture et patrimoine",
        "Et si nous réinventions la culture, l’art au service du patrimoine local ?",
        None,
        None,
        "announced",
        None,
    ),
    (
        "CC Lot et Tolzac",
        "244701405",
        "Qualité de vie, mobilité, sport et santé",
        "Et si nous nous mettions en mouvement pour une meilleure qualité de vie ?",
        None,
        None,
        "announced",
        None,
    ),
)
PROJECTS = (
    (
        "p1",
        "L’Épicerie des voisins",
        "Une épicerie participative qui vend les légumes des jardins "
        "du quartier, avec un coin café pour s’attarder.",
    ),
    ("p2", "Fil & Aiguille", "Un atelier de couture et de retouche où l’on répare ensemble."),
    ("p3", "Le Vélo du Lot", "Location et réparation de vélos le long de la voie verte."),
    ("p4", "La Conserverie mobile", "Une conserverie qui va de marché en marché."),
    ("p5", "Radio Bastide", "Une radio locale installée en vitrine."),
    ("p6", "Les Planches", "Un café-théâtre de poche tenu par des bénévoles."),
)
ADDRESSES = ("12 rue de la République, Villeneuve-sur-Lot", "3 place Lafayette, Villeneuve-sur-Lot")


def marathon(leg: int) -> dict[str, Any]:
    """What ``get_marathon`` answers."""
    epci, siren, theme, question, insee, host, state, first = LEGS[leg - 1]
    return {
        "id": f"{CYCLE}-{leg}",
        "cycle": CYCLE,
        "leg": leg,
        "title": f"{theme} — {epci}",
        "finale": leg == 5,
        "epci_siren": siren,
        "epci_name": epci,
        "theme": theme,
        "question": question,
        "state": state,
        "host_insee": insee,
        "host_name": host,
        "revealed": host is not None,
        "mobilises_at": None,
        "starts_at": f"{first}T08:00:00+00:00" if first else None,
        "ends_at": f"{first[:8]}{int(first[8:]) + 1:02}T20:00:00+00:00" if first else None,
        "ended_at": None,
        "closed_at": None,
        "least_teams": 6,
        "most_teams": 12,
        "settings": {},
        "projects": None,
        "palmares": {"id": "x", "number": 1, "digest": "d"} if state == "closed" else None,
        "baton": None,
        "reason": None,
        "operated_by": "vallee-du-lot",
        "notes": "Dates et ville hôte fictives, pour la démonstration.",
        "first_day": None,
        "last_day": None,
    }


def cycle() -> dict[str, Any]:
    """What ``get_cycle`` answers."""
    return {
        "id": CYCLE,
        "title": "Mon Incroyable Territoire 2023–2024",
        "state": "open",
        "programme": {"name": "Mon Incroyable Territoire", "run_by": "Pays de la Vallée du Lot"},
        "partners": [],
        "opened_at": "2023-01-10T08:00:00+00:00",
        "finished_at": None,
        "marathons": [marathon(leg) for leg in range(1, 6)],
    }


def projects(leg: int = 3) -> list[dict[str, Any]]:
    """What ``list_projects`` answers."""
    return [
        {
            "id": name,
            "marathon": f"{CYCLE}-{leg}",
            "status": "confirmed",
            "title": title,
            "pitch": pitch,
            "team_number": number,
            "size": 4,
            "activity": "Commerce",
            "commune": "47323",
        }
        for number, (name, title, pitch) in enumerate(PROJECTS, 1)
    ]


def allocations() -> list[dict[str, Any]]:
    """What ``list_allocations`` answers."""
    return [
        {
            "id": f"a-{name}",
            "project": name,
            "premises": f"x{place % 2}",
            "title": ("Ancienne mercerie", "Ancienne poste")[place % 2],
            "seat": 1,
            "status": "confirmed",
            "address": ADDRESSES[place % 2],
            "step_free": ("yes", "partly")[place % 2],
        }
        for place, (name, _title, _pitch) in enumerate(PROJECTS)
    ]


def poll(state: str = "open") -> dict[str, Any]:
    """What ``get_poll`` answers."""
    return {
        "id": "poll1",
        "marathon": f"{CYCLE}-3",
        "title": "",
        "state": state,
        "open": state == "open",
        "opens_at": "2024-01-26T08:00:00+00:00",
        "closes_at": "2024-01-27T19:00:00+00:00",
        "rule": "shared",
        "who_may_vote": "everyone",
        "elsewhere_may_vote": True,
        "candidates": [],
        "voters": 1234,
    }


def results() -> dict[str, Any]:
    """What voting's ``get_results`` answers."""
    votes = (412, 388, 201, 144, 60, 29)
    return {
        "poll": "poll1",
        "marathon": f"{CYCLE}-3",
        "rule": "shared",
        "tie": False,
        "winners": ["p1"],
        "seed": None,
        "accepted": 1301,
        "counted_ballots": 1234,
        "replaced": 67,
        "invalidated": 0,
        "spoilt": 0,
        "counted_at": "2024-01-27T20:10:00+00:00",
        "record_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "box_digest": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        "results": [
            {"project": name, "title": title, "raw": count, "counted": count, "spoilt": False}
            for (name, title, _pitch), count in zip(PROJECTS, votes, strict=True)
        ],
    }


def palmares() -> dict[str, Any]:
    """What the jury's ``get_palmares`` answers."""
    return {
        "id": "pal1",
        "marathon": f"{CYCLE}-3",
        "number": 1,
        "digest": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "published_at": "2024-01-27T21:00:00+00:00",
        "ranks": [
            {"project": "p3", "rank": 1, "shared": False},
            {"project": "p1", "rank": 2, "shared": True},
            {"project": "p6", "rank": 2, "shared": True},
        ],
        "prizes": [
            {
                "id": "z1",
                "kind": "rent",
                "title": "Trois mois de loyer",
                "project": "p3",
                "premises": None,
            },
            {
                "id": "z2",
                "kind": "support",
                "title": "Vingt heures d’accompagnement",
                "project": "p1",
                "premises": None,
            },
        ],
        "public_winners": ["p1"],
        "reason": None,
        "record_digest": "x",
    }
