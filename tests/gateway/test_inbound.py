"""What comes in from outside: bounded, JSON only, and nobody fills in what is not theirs."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.gateway.stage import StandIn, bearer, json_of, person

MOVES = "/api/v1/marathons/m1/moves"
HEADERS = bearer("boss")


@pytest.fixture(autouse=True)
def boss(caller: StandIn) -> None:
    caller.people["boss"] = person(("organiser", None), key="boss")


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem that was answered, of this status and code."""
    assert (answer.status_code, json_of(answer)["code"]) == (status, code), json_of(answer)
    assert answer.content_type == "application/problem+json"
    found: dict[str, Any] = json_of(answer)
    return found


def test_body_and_path_are_one_request(client: FlaskClient, caller: StandIn) -> None:
    answer = client.post(MOVES, json={"to": "running"}, headers=HEADERS)
    assert answer.status_code == 200
    door, request, actor, key, _correlation = caller.asked[-1]
    assert door == "registration.move_marathon"
    assert request == {"marathon": "m1", "to": "running"}
    assert actor is not None and actor.key == "boss"
    assert key is None


def test_body_can_not_name_another_marathon_than_the_path(
    client: FlaskClient, caller: StandIn
) -> None:
    answer = client.post(MOVES, json={"to": "running", "marathon": "m2"}, headers=HEADERS)
    errors = problem(answer, 422, "request_invalid")["errors"]
    assert [error["field"] for error in errors] == ["marathon"]
    assert caller.asked == []


@pytest.mark.parametrize("field", ["ip"])
def test_body_can_not_fill_in_what_the_gateway_fills_in(
    client: FlaskClient, caller: StandIn, field: str
) -> None:
    body = {"email": "a@example.org", "commune": "47004", "project": "p", field: "1.2.3.4"}
    problem(client.post("/api/v1/polls/p1/requests", json=body), 422, "request_invalid")
    assert caller.asked == []


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"3",
        b'"x"',
        b"null",
        b'{"to": NaN}',
        b'{"to": Infinity}',
        b'{"to": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"to": ' + b"[" * 25 + b"]" * 25 + b"}",
        b'{"to": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_body_that_is_no_json_object_is_malformed(
    client: FlaskClient, caller: StandIn, raw: bytes
) -> None:
    answer = client.post(MOVES, data=raw, content_type="application/json", headers=HEADERS)
    problem(answer, 400, "body_malformed")
    assert caller.asked == []


@pytest.mark.parametrize(
    "text", ['"a\\u0000b"', '"\\ud800"', '{"x": ["\\udfff"]}', '{"\\u0000": 1}']
)
def test_text_that_no_database_can_store_is_invalid(
    client: FlaskClient, caller: StandIn, text: str
) -> None:
    raw = f'{{"to": {text}}}'
    answer = client.post(MOVES, data=raw, content_type="application/json", headers=HEADERS)
    problem(answer, 422, "text_invalid")
    assert caller.asked == []


def test_path_that_no_database_can_store_is_invalid(client: FlaskClient) -> None:
    problem(client.get("/api/v1/marathons/a%00b"), 422, "text_invalid")


def test_other_media_type_is_refused(client: FlaskClient) -> None:
    answer = client.post(MOVES, data="to=running", headers=HEADERS, content_type="text/plain")
    problem(answer, 415, "unsupported_media_type")


def test_body_over_64_kb_is_refused(client: FlaskClient, caller: StandIn) -> None:
    answer = client.post(MOVES, json={"reason": "x" * 70_000}, headers=HEADERS)
    problem(answer, 413, "request_entity_too_large")
    assert caller.asked == []


def test_who_may_not_enter_learns_nothing_from_the_parser(client: FlaskClient) -> None:
    answer = client.post(MOVES, data=b"{", content_type="application/json")
    problem(answer, 401, "sign_in_needed")


def test_parameter_given_twice_is_invalid(client: FlaskClient) -> None:
    problem(client.get("/api/v1/polls/p1/receipts?after=a&after=b"), 422, "request_invalid")


def test_idempotency_key_goes_to_the_service(client: FlaskClient, caller: StandIn) -> None:
    headers = {**HEADERS, "Idempotency-Key": "k-1"}
    client.post(MOVES, json={"to": "running"}, headers=headers)
    assert caller.asked[-1][3] == "k-1"


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "é"])
def test_idempotency_key_of_another_form_is_refused(
    client: FlaskClient, caller: StandIn, key: str
) -> None:
    headers = {**HEADERS, "Idempotency-Key": key}
    answer = client.post(MOVES, json={"to": "running"}, headers=headers)
    problem(answer, 400, "idempotency_key_invalid")
    assert caller.asked == []


def test_ip_comes_from_the_connection_without_proxies(client: FlaskClient, caller: StandIn) -> None:
    headers = {"X-Forwarded-For": "6.6.6.6"}
    body = {"email": "a@example.org", "commune": "47004", "project": "p"}
    assert client.post("/api/v1/polls/p1/requests", json=body, headers=headers).status_code == 202
    assert caller.asked[-1][1]["ip"] == "127.0.0.1"


def test_visitor_has_a_name_of_their_own_that_stays(
    app: Flask, client: FlaskClient, caller: StandIn
) -> None:
    for agent in ("one", "one", "two"):
        client.get("/api/v1/polls/p1", headers={"User-Agent": agent})
    first, again, other = (asked[1]["visitor"] for asked in caller.asked)
    assert first == again != other
    assert "127.0.0.1" not in first
