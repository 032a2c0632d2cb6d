"""The reference of the API to read: every operation, from this site alone, without JavaScript."""

from __future__ import annotations

import gzip
import itertools
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from jinja2 import StrictUndefined

from gateway.app import create_app
from gateway.routes import CLOCK, MAILS, ROUTES, Route
from gateway.site.reference import curl, example, kind, limits, values
from tests.gateway.stage import StandIn, settings

ALL_ROUTES = (*ROUTES, *CLOCK, *MAILS)
PAGE = "/api/v1/"


@pytest.fixture(scope="module")
def page(gateway: Any) -> str:
    gateway.extensions["memory"].forget()
    found: str = gateway.test_client().get(PAGE).text
    return found


def part(page: str, route: Route) -> str:
    """What the page says of an operation."""
    found = page.partition(f'aria-labelledby="{route.endpoint}"')[2].partition("</article>")[0]
    assert found, route.endpoint
    return found


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: route.endpoint)
def test_every_operation_is_there_with_all_that_it_takes(page: str, route: Route) -> None:
    told = part(page, route)
    path = re.sub(r"<(\w+)>", r"{\1}", f"/api/v1{route.path}")
    assert f"<code>{route.method} {path}</code>" in told
    for name in route.takes.keys() - set(route.filled):
        assert re.search(rf"<code>{name}(?: \((?:path|query)\))?</code>", told), name
    for name, field in route.takes.items():
        if field.required and name not in route.hidden and route.endpoint != "change_premises":
            assert re.search(rf"<code>{name}(?: \(query\))?</code> <strong>obligatoire", told), name
    assert "curl " in told
    assert str(route.status) in told
    assert ("text/csv" in told) == (route.tabular or route.is_file)


def test_page_is_in_french_first_and_in_english_whole(client: FlaskClient) -> None:
    french = client.get(PAGE, headers={"Accept-Language": "en"}).text
    assert '<html lang="fr">' in french
    assert "Les projets d’un marathon" in french
    assert "Pour : tout le monde" in french
    client.post("/langue", data={"language": "en"})
    english = client.get(PAGE).text
    assert '<html lang="en">' in english
    assert "The projects of a marathon" in english
    assert "Les projets" not in english


def test_page_asks_nothing_of_anybody_else_and_runs_nothing(page: str) -> None:
    assert "<script" not in page
    assert " style=" not in page
    fetched = re.findall(r'<(?:link|img|script)[^>]+(?:href|src)="([^"]+)"', page)
    assert fetched
    assert all(each.startswith("/static/") for each in fetched)


def test_headings_and_ids_are_in_order(page: str) -> None:
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1
    assert all(now - before <= 1 for before, now in itertools.pairwise(levels))


def test_page_is_light_on_the_wire(client: FlaskClient) -> None:
    answer = client.get(PAGE, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) < 60_000
    assert gzip.decompress(answer.data).lstrip().startswith(b"<!doctype html>")


def test_page_names_no_route_that_this_instance_has_not(tmp_path: Any) -> None:
    app = create_app(settings(tmp_path), StandIn())
    app.jinja_env.undefined = StrictUndefined
    told = app.test_client().get(PAGE)
    assert told.status_code == 200
    assert "/api/v1/clock" not in told.text
    assert "/api/v1/mails" not in told.text


def test_address_without_the_slash_leads_there(client: FlaskClient) -> None:
    assert client.get("/api/v1").headers["Location"].endswith(PAGE)


# --- how a schema reads -------------------------------------------------------------------

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Needs": {
                "type": "object",
                "required": ["water"],
                "properties": {
                    "water": {"type": "boolean"},
                    "note": {"type": "string", "maxLength": 9, "default": ""},
                },
            }
        }
    }
}
NEEDS = {"$ref": "#/components/schemas/Needs"}


def test_values_of_objects_within_have_names_with_dots() -> None:
    schema = {
        "required": ["needs"],
        "properties": {
            "needs": NEEDS,
            "other": {"anyOf": [{"type": "null"}, NEEDS]},
            "several": {"type": "array", "items": NEEDS, "maxItems": 3},
        },
    }
    found = [(each.name, each.required) for each in values(DOCUMENT, schema)]
    assert found == [
        ("needs", True), ("needs.water", True), ("needs.note", False),
        ("other", False), ("other.water", True), ("other.note", False),
        ("several", False), ("several[].water", True), ("several[].note", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "type_", "bounds"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 9}, "integer", "minimum 0, maximum 9"),
        ({"type": ["string", "null"], "format": "date-time"}, "date-time | null", ""),
        ({"type": "string", "enum": ["a", "b"], "default": "a"}, "string", 'a | b, default "a"'),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "string[]", "minItems 1"),
        ({}, "any", ""),
    ],
)
def test_type_and_limits(schema: dict[str, Any], type_: str, bounds: str) -> None:
    assert (kind(DOCUMENT, schema), limits(schema)) == (type_, bounds)


def test_example_gives_what_must_be_given_and_nothing_else() -> None:
    schema = {
        "required": ["needs", "state", "when", "tags", "size"],
        "properties": {
            "needs": NEEDS,
            "state": {"type": "string", "enum": ["open", "over"]},
            "when": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "size": {"type": "integer", "minimum": 3},
            "left_out": {"type": "string"},
        },
    }
    assert example(DOCUMENT, schema) == {
        "needs": {"water": True},
        "state": "open",
        "when": "2026-06-05T18:00:00+02:00",
        "tags": ["…"],
        "size": 3,
    }


def test_curl_is_a_command() -> None:
    command = next(route for route in ROUTES if route.endpoint == "check_in")
    told = curl(command, "https://h.example/api/v1/projects/{project}/check-in", {"a": 1})
    assert told.splitlines() == [
        "curl -X POST 'https://h.example/api/v1/projects/{project}/check-in' \\",
        "  -H 'Authorization: Bearer mit_…' \\",
        "  -H 'Content-Type: application/json' \\",
        "  -H 'Idempotency-Key: …' \\",
        "  -d '{\"a\": 1}'",
    ]
