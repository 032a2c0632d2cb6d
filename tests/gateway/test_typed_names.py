"""The name of a town as people type it."""

from __future__ import annotations

import pytest

from gateway.desk.typed_names import is_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Monsempron-Libos", "Monsempron-Libos"),
        ("  monsempron   LIBOS ", "Monsempron-Libos"),
        ("Saint Étienne de Fougères", "Saint-Étienne-de-Fougères"),
        ("st etienne de fougeres", "Saint-Étienne-de-Fougères"),
        ("Ste. Livrade/Lot", "Sainte-Livrade Lot"),
        ("Saint-Etienne-de-Fouge\u0300res", "Saint-Étienne-de-Fougères"),
        ("Castelmoron d'Agen", "Castelmoron d’Agen"),
        ("Saint-Sylvestre-sur-Lot", "St-Sylvestre-sur-Lot"),
        ("Coeur de Bastides", "Cœur de Bastides"),
        ("etape 2 : l'Ain", "Étape 2 — l’Ain"),
    ],
)
def test_writing_does_not_matter(typed: str, name: str) -> None:
    assert is_name(typed, name)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("", "Monsempron-Libos"),
        ("   ", "Monsempron-Libos"),
        ("Monsempron", "Monsempron-Libos"),
        ("Monsempron-Libos 2", "Monsempron-Libos"),
        ("Monflanquin", "Monsempron-Libos"),
        ("Sainte-Étienne", "Saint-Étienne"),
        ("Fumel", "Fumelle"),
        ("", ""),
        ("—", "—"),
    ],
)
def test_another_name_is_another(typed: str, name: str) -> None:
    assert not is_name(typed, name)
