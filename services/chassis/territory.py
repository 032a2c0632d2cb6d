"""The territory: its intercommunalities and communes, read from one public file.

Codes are strings (leading zeros). A postal code covers several communes, so people are asked
for a commune. Source and licence: ``deploy/territory/README.md``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# Data beside the code, in the source tree and when installed; nothing of it is imported.
PACKAGED = Path(__file__).resolve().parents[2] / "deploy" / "territory" / "territory.json"


@dataclass(frozen=True)
class Commune:
    """A commune; ``centre`` is (longitude, latitude), WGS84."""

    insee: str
    name: str
    epci: str
    """SIREN of its intercommunality."""

    postal_codes: tuple[str, ...]
    population: int
    centre: tuple[float, float]


@dataclass(frozen=True)
class Epci:
    """An intercommunality with its communes, by name."""

    siren: str
    name: str
    communes: tuple[Commune, ...]


@dataclass(frozen=True)
class Territory:
    """All intercommunalities of one territory; ``attribution`` is shown with every list."""

    epcis: tuple[Epci, ...]
    attribution: str
    by_insee: dict[str, Commune] = field(repr=False, compare=False)

    def commune(self, insee: str) -> Commune | None:
        """The commune of this INSEE code, if it is in the territory."""
        return self.by_insee.get(insee)

    def epci(self, siren: str) -> Epci | None:
        """The intercommunality of this SIREN, if it is in the territory."""
        return next((epci for epci in self.epcis if epci.siren == siren), None)

    def named(self, insee: str) -> str:
        """The name of a commune of the territory. Raises ``KeyError`` for any other code."""
        return self.by_insee[insee].name


@cache
def load(path: Path | None = None) -> Territory:
    """The territory of a file, of the packaged one by default; read once per process."""
    raw = json.loads((path or PACKAGED).read_text(encoding="utf-8"))
    epcis = tuple(_epci(entry) for entry in raw["epci"])
    by_insee = {commune.insee: commune for epci in epcis for commune in epci.communes}
    return Territory(epcis, raw["_meta"]["attribution"], by_insee)


def _epci(entry: dict[str, Any]) -> Epci:
    communes = tuple(_commune(commune, entry["siren"]) for commune in entry["communes"])
    return Epci(entry["siren"], entry["nom"], communes)


def _commune(entry: dict[str, Any], epci: str) -> Commune:
    longitude, latitude = entry["centre"]
    return Commune(
        insee=entry["insee"],
        name=entry["nom"],
        epci=epci,
        postal_codes=tuple(entry["cp"]),
        population=entry["pop_mun"],
        centre=(longitude, latitude),
    )
