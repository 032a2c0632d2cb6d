"""Finding a commune by what somebody typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, g

from gateway.site import communes
from services.chassis import territory


@pytest.fixture(autouse=True, params=["fr", "en"])
def spoken(app: Flask, request: pytest.FixtureRequest) -> Iterator[None]:
    with app.test_request_context():
        g.language = request.param
        yield


def test_every_commune_is_found_by_its_label_and_its_code() -> None:
    known = [each for epci in territory.load().epcis for each in epci.communes]
    assert len(known) == len(communes.labels()) == 133
    assert {communes.code_of(label) for label in communes.labels()} == {c.insee for c in known}
    assert all(communes.code_of(each.insee) == each.insee for each in known)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Villeneuve-sur-Lot", "47323"),
        ("  villeneuve sur lot ", "47323"),
        ("VILLENEUVE–SUR–LOT", "47323"),
        ("elsewhere", "elsewhere"),
        ("Paris", None),
        ("", None),
        ("47", None),
        ("\u202e47323\u0000", "47323"),
        ("🏡", None),
    ],
)
def test_whatever_the_accents_and_marks(typed: str, code: str | None) -> None:
    assert communes.code_of(typed) == code


def test_what_is_offered_to_those_from_elsewhere_is_understood() -> None:
    assert communes.code_of(communes.elsewhere()) == "elsewhere"
    assert communes.code_of(communes.elsewhere().partition(",")[0]) == "elsewhere"


def test_saint_may_be_short() -> None:
    saints = [label for label in communes.labels() if label.startswith("Saint-")]
    assert len(saints) > 5
    for label in saints:
        assert communes.code_of(label.replace("Saint-", "St ")) == communes.code_of(label)


def test_close_names_are_proposed() -> None:
    assert communes.close_to("Vileneuve sur lot")[0] == "Villeneuve-sur-Lot"
    assert communes.close_to("xyzzy") == []
