"""Partners' packages over HTTPS, at the gateway: what is let through, and what is not."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway import relay
from gateway.buckets import Buckets
from gateway.relay import Gate
from services.chassis.errors import Unavailable
from services.registration.partners import package
from tests.gateway.stage import StandIn

PATH = "/relay/v1/packages"
DOOR = "registration.receive_package"
ACCEPTED = {"id": "p1", "verdict": "accepted", "reason": None}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(app: Flask) -> Iterator[Clock]:
    """Time for the gate, which has seen nobody yet."""
    made = Clock()
    app.extensions["relay_gate"] = Gate(Buckets(300, 25.0, made), Buckets(60, 5.0, made))
    yield made
    app.extensions["relay_gate"] = Gate()


@pytest.fixture
def client(app: Flask, clock: Clock) -> FlaskClient:
    """A program: no cookies, no word on where it comes from."""
    return FlaskClient(app, app.response_class)


def post(client: FlaskClient, body: Any, **more: Any) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(PATH, data=data, **{"content_type": "application/json", **more})


def problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, json.loads(answer.data)["code"]


def test_a_package_is_handed_on_as_it_came_and_its_verdict_told(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers[DOOR] = ACCEPTED
    raw = b' {"from":"alpha","x":"\xff\x01"} '
    answer = post(client, raw)
    assert (answer.status_code, answer.json) == (202, ACCEPTED)
    [(door, request, actor, key, _correlation)] = caller.asked
    assert (door, actor, key) == (DOOR, None, None)
    assert base64.b64decode(request["package"]) == raw
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("verdict", package.VERDICTS)
def test_every_verdict_has_its_status(client: FlaskClient, caller: StandIn, verdict: str) -> None:
    caller.answers[DOOR] = {"id": "p1", "verdict": verdict, "reason": "so it is"}
    answer = post(client, {"from": "alpha"})
    status = relay.STATUS.get(verdict, 202)
    assert answer.status_code == status
    told = json.loads(answer.data)
    if status == 202:
        assert told == {"id": "p1", "verdict": verdict, "reason": "so it is"}
    else:
        assert (told["code"], told["details"]) == (verdict, {"reason": "so it is"})


def test_unbelieved_are_exactly_the_verdicts_before_the_signature_holds() -> None:
    own = {"malformed", "too_large", "unknown_version", *relay.NOT_BELIEVED}
    assert own == relay.STATUS.keys()
    assert own < set(package.VERDICTS)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "", "text/json"])
def test_another_content_type_is_refused(client: FlaskClient, caller: StandIn, kind: str) -> None:
    assert problem(post(client, {}, content_type=kind)) == (415, "unsupported_media_type")
    assert caller.asked == []


def test_one_byte_too_many_is_refused_and_the_most_is_not(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers[DOOR] = ACCEPTED
    assert post(client, b" " * package.MOST_BYTES).status_code == 202
    assert problem(post(client, b" " * (package.MOST_BYTES + 1))) == (413, "too_large")
    assert len(caller.asked) == 1


class Endless:
    """A body that says it has 100 MB, of which nobody should ask for any."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        size = 65536 if size < 0 else size
        self.read_bytes += size
        return b"x" * size

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


def test_a_hundred_megabytes_are_refused_unread(client: FlaskClient, caller: StandIn) -> None:
    body = Endless()
    tracemalloc.start()
    try:
        answer = client.post(
            PATH,
            content_type="application/json",
            environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": str(100 * 1024 * 1024)},
        )
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert problem(answer) == (413, "too_large")
    assert (body.read_bytes, caller.asked) == (0, [])
    assert peak < 2 * 1024 * 1024


def test_who_sends_too_much_waits_and_another_sender_does_not(
    client: FlaskClient, caller: StandIn, clock: Clock
) -> None:
    caller.answers[DOOR] = ACCEPTED
    statuses = [post(client, {"from": "alpha"}).status_code for _ in range(70)]
    assert statuses == [202] * 60 + [429] * 10
    refused = post(client, {"from": "alpha"})
    assert problem(refused) == (429, "too_many_packages")
    assert refused.headers["Retry-After"] == "1"
    assert post(client, {"from": "beta"}).status_code == 202
    clock.now += 1.0
    statuses = [post(client, {"from": "alpha"}).status_code for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2


def test_another_names_do_not_keep_their_owner_out(
    client: FlaskClient, caller: StandIn, clock: Clock
) -> None:
    caller.answers[DOOR] = ACCEPTED
    for _ in range(70):
        post(client, {"from": "alpha"}, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    assert post(client, {"from": "alpha"}).status_code == 202


def test_an_address_under_many_names_waits_too(
    client: FlaskClient, caller: StandIn, clock: Clock
) -> None:
    caller.answers[DOOR] = ACCEPTED
    statuses = [post(client, {"from": f"name-{n}"}).status_code for n in range(310)]
    assert statuses == [202] * 300 + [429] * 10
    assert len(caller.asked) == 300


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"from":1}', b"[" * 100_000, b"\xff"])
def test_what_is_no_package_counts_as_nobodys_and_is_judged_by_registration(
    client: FlaskClient, caller: StandIn, raw: bytes
) -> None:
    caller.answers[DOOR] = {"id": None, "verdict": "malformed", "reason": "not JSON"}
    assert problem(post(client, raw)) == (400, "malformed")
    assert len(caller.asked) == 1


def test_a_registration_that_is_away_is_to_be_asked_again(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers[DOOR] = Unavailable("registration")
    answer = post(client, {"from": "alpha"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_nobody_is_identified_and_nothing_else_is_done_here(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers[DOOR] = ACCEPTED
    answer = post(client, {"from": "alpha"}, headers={"Authorization": "Bearer unknown"})
    assert answer.status_code == 202
    assert problem(client.get(PATH)) == (405, "method_not_allowed")
    assert problem(client.get("/relay/v1/else"))[0] == 404


def test_a_page_of_another_site_can_not_post_for_a_visitor(
    client: FlaskClient, caller: StandIn
) -> None:
    answer = post(client, {"from": "alpha"}, headers={"Origin": "https://elsewhere.example.org"})
    assert problem(answer) == (403, "cross_site")
    assert caller.asked == []


def test_buckets_fill_again_and_forget_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    buckets = Buckets(2, 0.5, clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2.0]
    clock.now += 2.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 2.0]
    monkeypatch.setattr("gateway.buckets.MOST_KEPT", 3)
    for name in "bcde":
        buckets.take(name)
    assert list(buckets._kept) == ["c", "d", "e"]
