"""Invented people: the same seed always makes the same; no address of theirs reaches anyone."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass

FIRST = (
    "Agathe", "Aimé", "Apolline", "Bastien", "Blandine", "Célestin", "Clémence", "Colin",
    "Delphine", "Edgar", "Éloïse", "Firmin", "Flore", "Gaspard", "Hélène", "Honoré", "Inès",
    "Isidore", "Joséphine", "Justin", "Lazare", "Léonie", "Lucien", "Mahaut", "Marius",
    "Noémie", "Octave", "Ondine", "Perrine", "Quentin", "Rosalie", "Sidonie", "Théodore",
    "Ursule", "Valère", "Victoire", "Yvon", "Zélie",
)  # fmt: skip
LAST = (
    "Aubépine", "Bellecombe", "Boisvert", "Chantemerle", "Clairval", "Courtepaille", "Duruisseau",
    "Fontbelle", "Fougère", "Grandpré", "Hautebise", "Jolicœur", "Lagarenne", "Lavandier",
    "Maisonneuve", "Montfleuri", "Noisetier", "Oliveraie", "Passerose", "Pierrebelle",
    "Quatresous", "Rivedroite", "Rougemer", "Sansoucy", "Tournesol", "Valfleuri", "Vignenoire",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody invented."""

    name: str
    email: str

    def named(self) -> dict[str, str]:
        """As the API wants a person."""
        return {"name": self.name, "email": self.email}


def person(seed: int, leg: int, *part: object) -> Person:
    """Who plays a part in a leg, such as ``("juror", 2)``; everybody is somebody else."""
    name = "-".join(map(str, (*part, leg)))
    rng = random.Random(f"{seed}:{name}")
    full = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    local = _plain(full.replace(" ", "."))
    return Person(full, f"{local}.{name}@example.org")


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.lower().replace("œ", "oe"))
    return "".join(c for c in letters if c.isascii() and (c.isalnum() or c == "."))
