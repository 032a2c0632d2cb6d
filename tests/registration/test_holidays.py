"""French public holidays."""

from __future__ import annotations

from datetime import date

import pytest

from services.registration.holidays import easter, holiday, holidays_between


@pytest.mark.parametrize(
    "sunday",
    [
        date(1818, 3, 22),  # the earliest there is
        date(1943, 4, 25),  # the latest there is
        date(2000, 4, 23),
        date(2023, 4, 9),
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2038, 4, 25),
    ],
)
def test_easter_is_the_known_one(sunday: date) -> None:
    assert easter(sunday.year) == sunday


def test_the_eleven_holidays_of_a_year() -> None:
    assert holidays_between(date(2024, 1, 1), date(2024, 12, 31)) == [
        (date(2024, 1, 1), "Jour de l’an"),
        (date(2024, 4, 1), "Lundi de Pâques"),
        (date(2024, 5, 1), "Fête du Travail"),
        (date(2024, 5, 8), "Victoire 1945"),
        (date(2024, 5, 9), "Ascension"),
        (date(2024, 5, 20), "Lundi de Pentecôte"),
        (date(2024, 7, 14), "Fête nationale"),
        (date(2024, 8, 15), "Assomption"),
        (date(2024, 11, 1), "Toussaint"),
        (date(2024, 11, 11), "Armistice 1918"),
        (date(2024, 12, 25), "Noël"),
    ]


def test_the_days_beside_a_holiday_are_none() -> None:
    assert [holiday(date(2024, 5, day)) for day in (7, 10, 19, 21)] == [None] * 4
