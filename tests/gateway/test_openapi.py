"""The OpenAPI document: whole, of version 3.1, true to the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.access import Who
from gateway.routes import CLOCK, MAILS, ROUTES, Route
from tests.gateway.stage import StandIn, json_of, stand_in_app

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document(gateway: Any) -> dict[str, Any]:
    found: dict[str, Any] = gateway.test_client().get("/api/v1/openapi.json").json
    return found


def address(route: Route) -> str:
    """A row's path as OpenAPI writes it."""
    return "/api/v1" + re.sub("<(.+?)>", r"{\1}", route.path)


def operation_of(document: dict[str, Any], route: Route) -> dict[str, Any]:
    """The operation of a row, with the parameters of its path."""
    item = document["paths"][address(route)]
    operation = item[route.method.lower()]
    shared = item.get("parameters", [])
    return {**operation, "parameters": [*shared, *operation["parameters"]]}


def test_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert {"title", "version", "description"} <= document["info"].keys()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "session"}


def test_document_has_every_row_and_no_other(document: dict[str, Any]) -> None:
    described = {
        (method, path)
        for path, item in document["paths"].items()
        for method in item.keys() & METHODS
    }
    routes = (*ROUTES, *CLOCK, *MAILS)
    table = {(route.method.lower(), address(route)) for route in routes}
    files = {("get", f"{address(route)}.csv") for route in routes if route.tabular}
    assert described == table | files


def test_list_is_described_as_json_with_a_next_page_and_as_csv(document: dict[str, Any]) -> None:
    listed = document["paths"]["/api/v1/marathons/{marathon}/projects"]["get"]
    answer = listed["responses"]["200"]
    assert answer["content"].keys() == {"application/json", "text/csv"}
    assert {"ETag", "Link"} <= answer["headers"].keys()
    file = document["paths"]["/api/v1/marathons/{marathon}/projects.csv"]["get"]
    assert file["operationId"] == "list_projects_csv"
    assert file["responses"]["200"]["content"].keys() == {"text/csv"}
    assert [each for each in file["parameters"] if each.get("in") == "query"] == []
    assert file["security"] == listed["security"]


def test_file_takes_what_its_list_takes_but_for_the_page(document: dict[str, Any]) -> None:
    def query(path: str) -> set[str]:
        parameters = document["paths"][path]["get"]["parameters"]
        return {each["name"] for each in parameters if each.get("in") == "query"}

    assert query("/api/v1/mails") == {"to", "limit", "after"}
    assert query("/api/v1/mails.csv") == {"to"}


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation_of(document, route)["operationId"] for route in (*ROUTES, *CLOCK, *MAILS)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("route", [*ROUTES, *CLOCK, *MAILS], ids=lambda route: route.endpoint)
def test_operation_is_complete(document: dict[str, Any], route: Route) -> None:
    operation = operation_of(document, route)
    assert operation["summary"] == route.summary
    in_path = {each["name"] for each in operation["parameters"] if each.get("in") == "path"}
    assert in_path == set(route.path_fields)
    responses = operation["responses"]
    media = route.messages.file or "application/json"
    assert media in responses[str(route.status)]["content"]
    errors = {status for status in responses if int(status) >= 400}
    assert {"422", "500", "503"} <= errors
    assert all(responses[status] == {"$ref": "#/components/responses/Problem"} for status in errors)
    assert ({} in operation["security"]) == (route.who is Who.ANYONE)
    # What the gateway or the path fills in is nothing for the sender to give.
    given = {name for name, _schema in inputs(document, operation)}
    assert given == route.takes.keys() - route.hidden


def inputs(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the sender gives: in the query or in the body."""
    for parameter in operation["parameters"]:
        if parameter.get("in") == "query":
            yield parameter["name"], parameter["schema"]
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        yield from resolve(document, media["schema"])["properties"].items()


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema behind its reference."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return found


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        at: Any = document
        for name in reference.removeprefix("#/").split("/"):
            at = at[name]
        assert at


def references(value: Any) -> Iterator[str]:
    """All ``$ref`` in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_problem_describes_what_is_answered(document: dict[str, Any], client: FlaskClient) -> None:
    content = document["components"]["responses"]["Problem"]["content"]
    described = resolve(document, content["application/problem+json"]["schema"])["properties"]
    assert json_of(client.get("/api/v1/nothing")).keys() <= described.keys()


def test_without_a_movable_clock_there_is_no_clock(tmp_path: Any) -> None:
    client = stand_in_app(tmp_path, StandIn()).test_client()
    assert client.get("/api/v1/clock").status_code == 404
    assert client.put("/api/v1/clock", json={"now": "2030-01-01T00:00:00Z"}).status_code == 404
    assert "/api/v1/clock" not in json_of(client.get("/api/v1/openapi.json"))["paths"]
