"""How instants and numbers read."""

from __future__ import annotations

import pytest
from flask import Flask, g

from gateway.site import words


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        ("2023-06-02T07:00:00+00:00", "vendredi 2 juin 2023 à 9\u00a0h"),  # summer time
        ("2024-01-27T20:05:00+00:00", "samedi 27 janvier 2024 à 21\u00a0h\u00a005"),
        ("2024-06-30T22:30:00Z", "lundi 1er juillet 2024 à 0\u00a0h\u00a030"),
    ],
)
def test_moment_is_in_paris_and_in_french(app: Flask, instant: str, written: str) -> None:
    with app.test_request_context():
        assert words.moment(instant) == written


@pytest.mark.parametrize(
    ("first", "last", "written"),
    [
        ("2023-06-02", "2023-06-03", "du 2 au 3 juin 2023"),
        ("2023-06-30", "2023-07-01", "du 30 juin 2023 au 1er juillet 2023"),
        ("2023-06-02", "2023-06-02", "2 juin 2023"),
        ("2024-06-21T06:00:00+00:00", "2024-06-22T18:00:00+00:00", "du 21 au 22 juin 2024"),
    ],
)
def test_days_are_said_once_where_they_share_a_month(
    app: Flask, first: str, last: str, written: str
) -> None:
    with app.test_request_context():
        assert words.days(first, last) == written


def test_english_reads_english(app: Flask) -> None:
    with app.test_request_context():
        g.language = "en"
        assert words.moment("2023-06-02T07:00:00+00:00") == "Friday 2 June 2023 at 09:00"
        assert words.number(1234567) == "1,234,567"


def test_phases_of_a_closed_marathon_are_all_done() -> None:
    assert {phase["when"] for phase in words.phases("closed")} == {"done"}
    assert [phase["when"] for phase in words.phases("running")] == [
        "done",
        "done",
        "now",
        "later",
        "later",
        "later",
    ]
