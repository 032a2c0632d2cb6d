"""Forms: made from what a door takes, read back into its request, shown again when refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, g

from gateway.desk.actions import ACTIONS
from gateway.forms.fields import Field
from gateway.forms.form import Form, Sheet, again, blank, request_of, sheet
from gateway.routes import BY_NAME
from services.chassis.errors import Invalid, Refusal

OFFER = BY_NAME["offer_premises"]
SHEET = Sheet(
    "offre",
    OFFER,
    (
        ("", ("title",)),
        ("Où", ("address.street", "address.insee")),
        ("Quoi", ("surface_m2", "step_free", "power", "ground_floor", "activities")),
        ("Quand", ("available.0.from_at", "available.0.to_at")),
    ),
)


@pytest.fixture(autouse=True)
def french(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        g.language = "fr"
        yield


def field(form: Form, name: str) -> Field:
    return next(one for group in form.groups for one in group.fields if one.name == name)


def test_a_field_is_what_its_door_takes() -> None:
    form = blank(SHEET)
    kinds = {one.name: one.kind for group in form.groups for one in group.fields}
    assert kinds == {
        "title": "text",
        "address.street": "text",
        "address.insee": "choice",
        "surface_m2": "integer",
        "step_free": "choice",
        "power": "boolean",
        "ground_floor": "boolean",
        "activities": "lines",
        "available.0.from_at": "instant",
        "available.0.to_at": "instant",
    }
    assert (field(form, "title").required, field(form, "title").most) == (True, 200)
    assert not field(form, "activities").required
    # What a door takes by default is there already; what a person must choose is not.
    assert field(form, "ground_floor").value == "true"
    assert [value for value, _words in field(form, "step_free").choices] == [
        "", "yes", "partly", "no",
    ]  # fmt: skip
    assert len(field(form, "address.insee").choices) == 134  # every commune, and none yet


def test_what_is_typed_becomes_the_doors_request() -> None:
    typed = {
        "title": "  Ancienne mercerie ",
        "address.street": "Rue inventée",
        "address.insee": "47323",
        "surface_m2": "42",
        "step_free": "partly",
        "power": "true",
        "activities": "artisanat\r\n\r\n cuisine ",
        "available.0.from_at": "2026-06-01T08:00",
        "available.0.to_at": "2026-12-01T08:00",
    }
    request = request_of(SHEET, typed)
    assert request == {
        "title": "Ancienne mercerie",
        "address": {"street": "Rue inventée", "insee": "47323"},
        "surface_m2": 42,
        "step_free": "partly",
        "power": True,
        "ground_floor": False,
        "activities": ["artisanat", "cuisine"],
        # As the clock on the town hall shows: in summer and in winter.
        "available": [
            {"from_at": "2026-06-01T08:00:00+02:00", "to_at": "2026-12-01T08:00:00+01:00"}
        ],
    }


def test_what_is_left_empty_is_left_out() -> None:
    assert request_of(SHEET, {}) == {"power": False, "ground_floor": False, "activities": []}


def test_what_can_not_be_read_stays_as_it_is_typed() -> None:
    request = request_of(SHEET, {"surface_m2": "quarante", "available.0.from_at": "demain"})
    assert request["surface_m2"] == "quarante"
    assert request["available"] == [{"from_at": "demain"}]


def test_an_emptied_field_of_a_change_takes_the_value_away() -> None:
    change = sheet("changer", BY_NAME["change_project"], "title", "commune")
    assert request_of(change, {"title": "", "commune": ""}) == {"commune": None}


def test_nothing_typed_is_lost_and_errors_are_beside_their_fields() -> None:
    refusal = Invalid(
        "request_invalid",
        "Des valeurs manquent.",
        errors={
            "surface_m2": ["Not a valid integer."],
            "available": {0: {"_schema": ["to_at must be after from_at"]}},
            "elsewhere": ["Unknown field."],
        },
    )
    typed = {"title": "Mercerie", "surface_m2": "quarante", "form_key": "k1"}
    form = again(SHEET, typed, refusal)
    assert field(form, "title").value == "Mercerie"
    assert field(form, "surface_m2").value == "quarante"
    assert len(field(form, "surface_m2").errors) == 1
    assert len(field(form, "available.0.from_at").errors) == 1
    anchors = [error.anchor for error in form.errors]
    assert anchors == ["offre-surface_m2", "offre-available-0-from_at", ""]
    # Not carried out: the next try is the same command, pressed twice or not.
    assert form.key == "k1"


def test_a_form_for_a_change_begins_with_what_is_stored() -> None:
    stored = {
        "title": "Mercerie",
        "address": {"street": "Rue inventée", "insee": "47323"},
        "surface_m2": 42,
        "step_free": "no",
        "power": True,
        "ground_floor": False,
        "activities": ["artisanat", "cuisine"],
        "available": [{"from_at": "2026-06-01T06:00:00+00:00", "to_at": None}],
    }
    form = blank(SHEET, stored)
    values = {one.name: one.value for group in form.groups for one in group.fields}
    assert values == {
        "title": "Mercerie",
        "address.street": "Rue inventée",
        "address.insee": "47323",
        "surface_m2": "42",
        "step_free": "no",
        "power": "true",
        "ground_floor": "",
        "activities": "artisanat\ncuisine",
        "available.0.from_at": "2026-06-01T08:00",
        "available.0.to_at": "",
    }


def test_two_forms_have_two_keys() -> None:
    assert blank(SHEET).key != blank(SHEET).key


def test_a_refusal_without_fields_is_shown_as_a_whole() -> None:
    refusal = Refusal("offers_closed", "Les offres sont closes.")
    form = again(SHEET, {}, refusal)
    assert (form.refusal, form.errors) == (refusal, ())


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_a_form_whose_fields_have_words(name: str) -> None:
    form = blank(ACTIONS[name].sheet)
    shown = [one for group in form.groups for one in group.fields]
    assert [one.name for one in shown] == list(ACTIONS[name].sheet.paths)
    assert all(one.label for one in shown)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_gives_all_that_its_door_must_have(name: str) -> None:
    action = ACTIONS[name]
    must = {
        field_name
        for field_name, taken in action.route.takes.items()
        if taken.required and field_name not in action.route.filled
    }
    given = {path.partition(".")[0] for path in action.sheet.paths}
    given |= {*action.fixed, *action.given, *action.route.path_fields}
    assert must <= given
