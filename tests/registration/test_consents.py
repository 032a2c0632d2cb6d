"""Consents: separate, unticked, as easily withdrawn as given (RULES D3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.actor import Actor
from services.registration.messages_personal_data import CONSENTS
from services.registration.tables import Consent
from tests.registration.crew import DAY, ORGANISER, START, Crew
from tests.registration.season import on_both

MACHINE = Actor(None, "machine", frozenset({("organiser", None)}))


def given(lines: list[dict[str, Any]]) -> dict[str, bool]:
    return {line["kind"]: line["given"] for line in lines}


def test_nothing_is_ticked_beforehand(crew: Crew) -> None:
    anne = crew.known("anne")
    assert crew.call("get_consents", anne) == [
        {"kind": kind, "given": False, "at": None} for kind in CONSENTS
    ]


@on_both
def test_each_consent_is_its_own_and_has_its_instant(crew: Crew) -> None:
    anne = crew.known("anne")
    crew.call("set_consents", anne, newsletter=True)
    crew.troupe.clock.move_by(DAY)
    lines = crew.call("set_consents", anne, image=True, newsletter=True)
    assert [(line["kind"], line["given"], line["at"]) for line in lines] == [
        ("newsletter", True, START.isoformat()),
        ("image", True, (START + DAY).isoformat()),
        ("partners", False, None),
        ("next_host", False, None),
    ]


def test_what_is_left_out_stays_and_a_no_withdraws(crew: Crew) -> None:
    anne = crew.known("anne")
    crew.call("set_consents", anne, newsletter=True, partners=True)
    crew.troupe.clock.move_by(DAY)
    lines = crew.call("set_consents", anne, partners=False)
    assert given(lines) == {
        "newsletter": True,
        "image": False,
        "partners": False,
        "next_host": False,
    }
    assert lines[2]["at"] == (START + DAY).isoformat()


def test_every_change_stays_on_record_and_no_change_is_none(crew: Crew) -> None:
    anne = crew.known("anne")
    for value in (True, True, False, False, True):
        crew.call("set_consents", anne, newsletter=value)
        crew.troupe.clock.move_by(timedelta(hours=1))
    mine = crew.call("my_data", anne)["consents"]
    assert [(one["kind"], one["given"], one["at"]) for one in mine] == [
        ("newsletter", True, START.isoformat()),
        ("newsletter", False, (START + timedelta(hours=2)).isoformat()),
        ("newsletter", True, (START + timedelta(hours=4)).isoformat()),
    ]


def test_nobody_else_is_changed(crew: Crew) -> None:
    anne, bruno = crew.known("anne"), crew.known("bruno")
    crew.call("set_consents", anne, newsletter=True)
    assert not any(given(crew.call("get_consents", bruno)).values())


@pytest.mark.parametrize(
    ("wanted", "code"),
    [({"newsletter": "perhaps"}, "request_invalid"), ({"shoe_size": True}, "request_invalid")],
)
def test_what_is_no_consent_is_refused(crew: Crew, wanted: dict[str, Any], code: str) -> None:
    assert crew.refused("set_consents", crew.known("anne"), **wanted) == code


def test_a_machine_consents_to_nothing(crew: Crew) -> None:
    assert crew.refused("set_consents", MACHINE, newsletter=True) == "person_missing"


def test_consents_are_erased_with_the_person_and_do_not_come_back(crew: Crew) -> None:
    anne = crew.known("anne")
    crew.call("set_consents", anne, newsletter=True, image=True)
    crew.call("erase_person", anne)
    with crew.season.registration.session() as session:
        assert list(session.scalars(select(Consent))) == []
    crew.known("anne")
    assert not any(given(crew.call("get_consents", anne)).values())


def test_who_was_erased_consents_no_more(crew: Crew) -> None:
    anne = crew.known("anne")
    crew.call("erase_person", anne)
    assert crew.refused("set_consents", anne, newsletter=True) == "session_unknown"
    assert ORGANISER.key != anne.key
