"""The event catalogue: current, complete, and each listener's part held against the speaker."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, fields, missing

from services.chassis import asyncapi
from services.chassis.catalogue import Heard, heard_by_type
from services.chassis.config import SERVICES
from services.chassis.topology import messages_of

MESSAGES: dict[str, Any] = {service: messages_of(service) for service in SERVICES}
HEARD = [
    pytest.param(listener, heard, id=f"{listener}-{heard.speaker}-{heard.kind}")
    for listener, messages in MESSAGES.items()
    for heard in messages.HEARS
]
# EVENTS.md of the design, and what several instances add to the relay.
EVENTS = {
    "registration": {
        "marathon_announced",
        "host_revealed",
        "marathon_changed",
        "marathon_mobilised",
        "role_granted",
        "role_revoked",
        "project_confirmed",
        "project_changed",
        "project_withdrawn",
        "marathon_started",
        "marathon_ended",
        "marathon_closed",
        "marathon_cancelled",
        "relay_offered",
        "relay_accepted",
        "relay_refused",
        "relay_withdrawn",
        "relay_passed",
        "relay_received",
        "cycle_finished",
        "person_erased",
    },
    "venues": {"premises_offered", "premises_allocated", "premises_released"},
    "jury": {"panel_convened", "scorecard_submitted", "palmares_published"},
    "voting": {"poll_prepared", "poll_opened", "poll_closed", "poll_counted"},
}


@pytest.mark.parametrize("service", SERVICES)
def test_service_says_all_events_of_the_design(service: str) -> None:
    assert set(MESSAGES[service].SAYS.events) == EVENTS[service]


def test_published_catalogue_is_current() -> None:
    for path, text in asyncapi.files().items():
        assert path.read_text() == text, f"{path.name} is old: run `make events`"


@pytest.mark.parametrize(("listener", "heard"), HEARD)
def test_part_that_a_listener_reads_is_in_what_the_speaker_says(
    listener: str, heard: Heard
) -> None:
    said = MESSAGES[heard.speaker].SAYS
    for name in heard.types:
        assert said[name].kind == heard.kind
        mismatches = list(differences(heard.part(), said[name].schema(), name))
        assert mismatches == []


@pytest.mark.parametrize("service", SERVICES)
def test_event_is_mandatory_exactly_when_somebody_hears_it(service: str) -> None:
    heard = {pair for messages in MESSAGES.values() for pair in heard_by_type(messages)}
    wanted = {name: (service, name) in heard for name in MESSAGES[service].SAYS.events}
    said = MESSAGES[service].SAYS.events.values()
    assert {event.name: event.mandatory for event in said} == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_all_events_of_a_kind_carry_the_same_state(service: str) -> None:
    schemas: dict[str, set[type[Schema]]] = {}
    for event in MESSAGES[service].SAYS.events.values():
        schemas.setdefault(event.kind, set()).add(event.schema)
    assert {kind for kind, found in schemas.items() if len(found) != 1} == set()


def differences(part: Schema, whole: Schema, where: str) -> Any:
    """Every field a listener reads that the speaker does not say in a form it accepts."""
    for name, wanted in part.fields.items():
        place = f"{where}.{name}"
        said = whole.fields.get(wanted.data_key or name)
        if said is None:
            yield f"{place}: not said"
            continue
        if wanted.required and not (said.required or said.load_default is not missing):
            yield f"{place}: required here, optional there"
        if said.allow_none and not wanted.allow_none:
            yield f"{place}: may be null there, not here"
        yield from _types(wanted, said, place)


def _types(wanted: fields.Field[Any], said: fields.Field[Any], place: str) -> Any:
    if isinstance(wanted, fields.Nested) and isinstance(said, fields.Nested):
        yield from differences(wanted.schema, said.schema, place)
    elif isinstance(wanted, fields.List) and isinstance(said, fields.List):
        yield from _types(wanted.inner, said.inner, f"{place}[]")
    elif not isinstance(wanted, (fields.Raw, fields.Dict)) and _family(wanted) != _family(said):
        yield f"{place}: {_family(said)} there, {_family(wanted)} here"


def _family(field: fields.Field[Any]) -> str:
    for family in (
        fields.Boolean,
        fields.Integer,
        fields.Float,
        fields.DateTime,
        fields.List,
        fields.Nested,
        fields.Dict,
        fields.String,
    ):
        if isinstance(field, family):
            return family.__name__
    return type(field).__name__
