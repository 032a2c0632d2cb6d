"""Ballots answered in front of Flask: the same answers, and everything else goes its usual way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.intake import front
from services.chassis import signed
from services.chassis.confirms import NotConfirmed
from services.chassis.errors import Unavailable
from services.chassis.networks import network_of
from services.chassis.sealed import unseal
from tests.gateway.stage import settings
from tests.gateway.test_intake import BATCH_KEY, PASS_KEY, REFUSED, Booth

URL = "/api/v1/polls/poll1/ballots"
PASS = signed.sign(PASS_KEY, {"poll": "poll1", "voter": "anne", "domain": "example.org"})
BALLOT = json.dumps({"pass": PASS, "project": "wool"})
SAYS = "application/json; charset=utf-8"
"""A media type with which a ballot goes through Flask."""


@pytest.fixture
def booth() -> Iterator[Booth]:
    """An intake whose poll is open."""
    made = Booth()
    yield made
    made.intake.close()


@pytest.fixture
def client(tmp_path: Path, booth: Booth) -> FlaskClient:
    """A program that asks the gateway of this intake, through one proxy."""
    app = create_app(settings(tmp_path, trusted_proxies=1), booth.intake)
    app.test_client_class = FlaskClient  # a browser says where its requests come from
    return app.test_client()


def post(
    client: FlaskClient,
    body: str = BALLOT,
    media: str = "application/json",
    headers: dict[str, str] | None = None,
) -> TestResponse:
    return client.post(URL, data=body, content_type=media, headers=headers)


def counted() -> float:
    labels = {"route": front.ROUTE, "method": "POST", "status": "202"}
    return REGISTRY.get_sample_value("marathon_gateway_seconds_count", labels) or 0.0


def test_the_answer_is_the_one_that_flask_would_give(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"X-Request-Id": "a-request-1"}
    before = counted()
    mine, flasks = post(client, headers=named), post(client, media=SAYS, headers=named)
    assert counted() == before + 2
    assert (mine.status, mine.status_code) == (flasks.status, 202)
    assert mine.json is not None
    assert flasks.json is not None
    assert mine.json.keys() == flasks.json.keys() == {"poll", "receipt", "accepted_at"}
    assert mine.json["receipt"] != flasks.json["receipt"]
    assert dict(mine.headers) == dict(flasks.headers)
    assert mine.headers["X-Request-Id"] == "a-request-1"
    told = capsys.readouterr()
    assert mine.json["receipt"] not in told.out + told.err


def test_flask_is_not_asked_for_a_good_ballot(client: FlaskClient) -> None:
    seen: list[str] = []
    client.application.before_request(lambda: seen.append("asked"))
    assert post(client).status_code == 202
    assert seen == []
    assert post(client, media=SAYS).status_code == 202
    assert seen == ["asked"]


def test_a_ballot_keeps_the_voters_network_as_the_proxy_tells_it(
    client: FlaskClient, booth: Booth
) -> None:
    assert post(client, headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 202
    (wire,) = booth.wires
    message = wire.sent[1]
    content = unseal(BATCH_KEY, f"{wire.name}/1", message["sealed"])
    assert content["networks"] == [network_of(PASS_KEY, "192.0.2.7")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Referer": "https://elsewhere.example/"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_another_sites_page_gets_nothing_in_by_the_short_way(
    client: FlaskClient, booth: Booth, headers: dict[str, str]
) -> None:
    answer = post(client, headers=headers)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (403, "cross_site")
    assert booth.wires == []


def test_who_has_a_cookie_goes_the_long_way(client: FlaskClient, booth: Booth) -> None:
    client.set_cookie("session", "x")
    answer = post(client)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (403, "cross_site")
    assert booth.wires == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 403, "pass_invalid"),
        ("[]", 400, "body_malformed"),
        ('{"pass": ', 400, "body_malformed"),
        ("\\xff", 400, "body_malformed"),
        ('{"pass": 1, "project": "wool"}', 403, "pass_invalid"),
        ('{"pass": "forged", "project": "wool"}', 403, "pass_invalid"),
        (BALLOT.replace("wool", "nothing"), 403, "pass_invalid"),
        (BALLOT.replace("}", ', "ip": "192.0.2.1"}'), 422, "request_invalid"),
        (BALLOT.replace("wool", "\\u0000"), 422, "text_invalid"),
        (BALLOT + " " * 70_000, 413, "request_entity_too_large"),
    ],
)
def test_whatever_is_no_good_ballot_is_answered_as_ever(
    client: FlaskClient, booth: Booth, body: str, status: int, code: str
) -> None:
    # What voting refuses, it is asked about: the stand-in says the same of everything.
    booth.caller.answers["voting.cast"] = REFUSED
    answer = post(client, body)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert booth.wires == []


def test_a_ballot_that_was_not_confirmed_is_told_so_and_not_cast_again(
    client: FlaskClient, booth: Booth
) -> None:
    assert post(client).status_code == 202
    (wire,) = booth.wires
    wire.trouble = [NotConfirmed("away", set())]
    answer = post(client)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (503, "ballot_not_confirmed")
    assert answer.headers["Retry-After"] == "3"
    booth.intake.close()  # sends what it has
    assert [len(choices) for choices in wire.ballots()] == [0, 1, 1]


def test_nobody_waits_twice_for_a_voting_that_is_away(client: FlaskClient, booth: Booth) -> None:
    booth.caller.answers["voting.lend_poll"] = Unavailable("voting")
    answer = post(client)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (503, "ballot_not_confirmed")
    assert booth.asked("lend_poll") == 1
