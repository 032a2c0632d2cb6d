"""What is wrong in a vote: each has its clear answer and changes nothing in the database.

Everything twice: the way by RPC alone, and the way of a gateway that takes ballots itself and
puts them into batches. The wire of the batches is a list; the services are real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import MetaData, select
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.intake.caller import BallotsInBatches
from services.chassis import signed
from services.voting import passes
from tests.gateway.crawl import Watched
from tests.gateway.stage import Browser, parts_of
from tests.gateway.test_intake import Wire
from tests.voting.stage import CLOSES, MARATHON, OPENS, Stage
from tests.voting.test_intake import secret_of
from tests.voting.test_requests import ask, token_and_code

MS = timedelta(milliseconds=1)


class Plain(Wire):
    """A wire that takes all and looks at nothing."""

    def send(self, number: int, message: dict[str, Any]) -> None:
        self.sent.append(message)


class Booth:
    """A poll that is open, and a client of the gateway before it, by one of the two ways."""

    def __init__(self, where: Path, way: str, opened: bool = True) -> None:
        """``opened``, or prepared in a marathon that runs, before the instant of the opening."""
        self.stage = Stage(f"sqlite:///{where}/{{service}}.sqlite")
        self.voting = self.stage.voting
        self.poll = self.stage.opened("bakery", "wool") if opened else self._prepared()
        self.project = "wool"
        self.wires: list[Plain] = []
        clock = self.stage.troupe.clock
        caller: Any = Watched(self.stage.troupe, [])
        if way == "batches":
            caller = BallotsInBatches(caller, self._wire, clock, patience_s=10.0)
        app = create_app(self.stage.troupe.settings, caller)
        app.extensions["gateway"] = replace(parts_of(app), clock=clock)
        app.test_client_class = Browser
        self.client: FlaskClient = app.test_client()
        self.used, self.fresh = self.stage.codes(2)
        if opened:
            self.stage.vote(self.used, self.project)
        revoked = self.stage.call("issue_codes", poll=self.poll, place="Gare", count=1)
        self.revoked = revoked["codes"][0]
        self.stage.call("revoke_codes", poll=self.poll, batch=revoked["batch"])

    def _prepared(self) -> str:
        poll = self.stage.mobilised("bakery", "wool")
        self.stage.call("prepare_poll", marathon=MARATHON)
        self.stage.marathon("running", projects=self.stage.started_projects())
        return poll

    def _wire(self, name: str) -> Plain:
        self.wires.append(Plain(name))
        return self.wires[-1]

    def a_pass(self, poll: str = "", key: bytes = b"", **claims: Any) -> str:
        """A pass as voting signs it, or with something else in it."""
        voter = passes.voter_key(secret_of(self.stage), "rene")
        whole = {"poll": poll or self.poll, "voter": voter, "domain": "example.org", **claims}
        return signed.sign(key or passes.pass_key(secret_of(self.stage)), whole)

    def cast(self, **more: Any) -> TestResponse:
        """A ballot that would be good but for what is given."""
        asked = {"project": self.project, "pass": self.a_pass(), **more}
        asked = {name: value for name, value in asked.items() if value is not None}
        poll = asked.pop("poll", self.poll)
        return self.client.post(f"/api/v1/polls/{poll}/ballots", json=asked)

    def kept(self) -> dict[str, list[Any]]:
        """All that there is: every row of every table of voting, and what went to the broker."""
        found = MetaData()
        found.reflect(self.voting.database.engine)
        with self.voting.database.engine.connect() as connection:
            rows = {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in found.sorted_tables
            }
        # The first, empty message of a lane is no ballot.
        return rows | {
            "wire": [each for wire in self.wires for each in wire.sent if each["number"]]
        }


@pytest.fixture(scope="module", params=["rpc", "batches"])
def booth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Booth:
    """A booth where nothing bad has left a trace so far; a good ballot has opened the lane."""
    made = Booth(tmp_path_factory.mktemp("booth"), request.param)
    assert made.cast().status_code == 202
    return made


@pytest.fixture
def unchanged(booth: Booth) -> Iterator[None]:
    """All is as it was, whatever the test did."""
    before = booth.kept()
    yield
    assert booth.kept() == before


def told(answer: TestResponse) -> tuple[int, str]:
    """Status and code; a sentence and a hint are never missing."""
    body = json.loads(answer.text)
    assert answer.mimetype == "application/problem+json"
    assert body["detail"]
    return answer.status_code, body["code"]


EVIL = "💶 \u202eetov\u202c ٱلْحَمْد"
CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown poll": ({"poll": "nowhere"}, 404, "poll_not_found"),
    "evil poll": ({"poll": EVIL}, 404, "poll_not_found"),
    "unknown project": ({"project": "nothing"}, 409, "project_not_votable"),
    "evil project": ({"project": EVIL}, 409, "project_not_votable"),
    "no project": ({"project": None}, 422, "request_invalid"),
    "a list for a project": ({"project": ["a"]}, 422, "request_invalid"),
    "a number for a pass": ({"pass": 7}, 422, "request_invalid"),
    "an object for a pass": ({"pass": {"voter": "x"}}, 422, "request_invalid"),
    "true for a code": ({"pass": None, "code": True}, 422, "request_invalid"),
    "neither pass nor code": ({"pass": None}, 422, "request_invalid"),
    "both": ({"code": "AAAA-BBBB-CCCC"}, 422, "request_invalid"),
    "something more": ({"weight": 9}, 422, "request_invalid"),
    "the gateway's own field": ({"ip": "192.0.2.1"}, 422, "request_invalid"),
    "no pass": ({"pass": ""}, 422, "request_invalid"),
    "forged pass": ({"pass": "e30.AAAA"}, 403, "pass_invalid"),
    "evil pass": ({"pass": EVIL}, 403, "pass_invalid"),
    "dots for a pass": ({"pass": "...."}, 403, "pass_invalid"),
    "unknown code": ({"pass": None, "code": "AAAA-BBBB-CCCC"}, 404, "code_unknown"),
    "evil code": ({"pass": None, "code": EVIL}, 404, "code_unknown"),
    "zero byte": ({"project": "a\x00b"}, 422, "text_invalid"),
    "lone surrogate": ({"project": "a\ud800"}, 422, "text_invalid"),
    "a long pass": ({"pass": "x" * 1001}, 422, "request_invalid"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("unchanged")
def test_a_bad_ballot(booth: Booth, case: str) -> None:
    given, status, code = CASES[case]
    assert told(booth.cast(**given)) == (status, code)


def test_a_pass_is_good_until_the_poll_closes_though_it_said_earlier(booth: Booth) -> None:
    early = booth.a_pass(expires=(OPENS - timedelta(hours=1)).isoformat())
    assert booth.cast(**{"pass": early}).status_code == 202


@pytest.mark.usefixtures("unchanged")
def test_passes_that_are_not_of_this_poll(booth: Booth) -> None:
    good = booth.a_pass()
    body, _, signature = good.partition(".")
    for given in (
        booth.a_pass(key=b"guessed" * 5),
        booth.a_pass(poll="another"),
        f"{body}.{signature[:-2]}AA",
        f"{booth.a_pass(voter='other').partition('.')[0]}.{signature}",
        f"{body}.",
        body,
    ):
        assert told(booth.cast(**{"pass": given})) == (403, "pass_invalid"), given


@pytest.mark.usefixtures("unchanged")
def test_codes_that_are_of_no_use_any_more(booth: Booth) -> None:
    assert told(booth.cast(**{"pass": None}, code=booth.used)) == (409, "code_used")
    assert told(booth.cast(**{"pass": None}, code=booth.revoked)) == (409, "code_revoked")


BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "1 MB": (
        b'{"project": "' + b"x" * 1_000_000 + b'"}',
        "application/json",
        413,
        "request_entity_too_large",
    ),
    "not JSON": (b"{project", "application/json", 400, "body_malformed"),
    "a list": (b"[]", "application/json", 400, "body_malformed"),
    "a text": (b'"a"', "application/json", 400, "body_malformed"),
    "not UTF-8": (b'{"project": "\xff"}', "application/json", 400, "body_malformed"),
    "no number": (b'{"project": NaN}', "application/json", 400, "body_malformed"),
    "nested": (b"[" * 50_000, "application/json", 400, "body_malformed"),
    "a form": (b"project=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "nothing": (b"", "application/json", 422, "request_invalid"),
}


@pytest.mark.parametrize("where", ["ballots", "passes", "requests"])
@pytest.mark.parametrize("case", BODIES)
@pytest.mark.usefixtures("unchanged")
def test_a_body_that_is_none(booth: Booth, case: str, where: str) -> None:
    body, media, status, code = BODIES[case]
    answer = booth.client.post(f"/api/v1/polls/{booth.poll}/{where}", data=body, content_type=media)
    assert told(answer) == (status, code)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"email": EVIL}, 422, "email_invalid"),
        ({"email": "a@b\u202e.org"}, 422, "email_invalid"),
        ({"commune": "47 004"}, 422, "request_invalid"),
        ({"commune": "75056"}, 422, "commune_unknown"),
        ({"commune": "47999"}, 422, "commune_unknown"),
        ({"commune": ["47004"]}, 422, "request_invalid"),
        ({"commune": None}, 422, "request_invalid"),
        ({"project": "nothing"}, 409, "project_not_votable"),
        ({"poll": "nowhere"}, 404, "poll_not_found"),
        ({"language": "de"}, 422, "request_invalid"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_bad_request_for_a_link(
    booth: Booth, changes: dict[str, Any], status: int, code: str
) -> None:
    asked = {"email": "rene@example.org", "commune": "47004", "project": booth.project, **changes}
    poll = asked.pop("poll", booth.poll)
    answer = booth.client.post(f"/api/v1/polls/{poll}/requests", json=asked)
    assert told(answer) == (status, code)


@pytest.mark.parametrize("proof", [{"token": "guessed"}, {"token": EVIL}])
@pytest.mark.usefixtures("unchanged")
def test_a_link_that_was_never_mailed(booth: Booth, proof: dict[str, str]) -> None:
    answer = booth.client.post(f"/api/v1/polls/{booth.poll}/passes", json=proof)
    assert told(answer)[0] == 422


def test_link_scanners_open_everything_and_change_nothing(booth: Booth) -> None:
    ask(booth.stage, "scanned@example.org")
    token, _code = token_and_code(booth.stage)
    link = {"poll": booth.poll, "token": token}
    before = booth.kept()
    mailed = f"/vote/confirm?poll={link['poll']}&token={link['token']}"
    for path in (
        mailed,
        f"/votes/{booth.poll}/code?code={booth.fresh}",
        f"/votes/{booth.poll}/borne?code={booth.fresh}",
        f"/votes/{booth.poll}/recu",
        f"/api/v1/polls/{booth.poll}/ballots",
        f"/api/v1/polls/{booth.poll}/passes",
        f"/api/v1/polls/{booth.poll}/requests",
    ):
        for method in ("GET", "HEAD", "OPTIONS", "GET", "HEAD"):
            answer = booth.client.open(path, method=method)
            assert answer.status_code in (200, 204, 404, 405), (path, answer.status_code)
    assert booth.kept() == before
    # And the link is as good as it was.
    proof = {"token": link["token"]}
    answer = booth.client.post(f"/api/v1/polls/{booth.poll}/passes", json=proof)
    assert answer.status_code == 201


def test_who_lives_elsewhere_says_so(booth: Booth) -> None:
    for number, commune in enumerate(("47004", "elsewhere")):
        asked = {"email": f"{number}@example.org", "commune": commune, "project": booth.project}
        answer = booth.client.post(f"/api/v1/polls/{booth.poll}/requests", json=asked)
        assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("way", ["rpc", "batches"])
def test_the_window_is_half_open_to_the_millisecond(tmp_path: Path, way: str) -> None:
    booth = Booth(tmp_path, way)
    clock = booth.stage.troupe.clock
    given = booth.a_pass()
    clock.move_to(CLOSES - 9 * MS)
    links = [{"token": token_of(booth, f"{number}@example.org")} for number in range(2)]
    passes_of = f"/api/v1/polls/{booth.poll}/passes"
    clock.move_to(CLOSES - MS)
    assert booth.client.post(passes_of, json=links[0]).status_code == 201
    assert booth.cast(**{"pass": given}).status_code == 202
    before = booth.kept()
    clock.move_to(CLOSES)
    assert told(booth.cast(**{"pass": given})) == (409, "poll_closed")
    assert told(booth.cast(**{"pass": None}, code=booth.fresh)) == (409, "poll_closed")
    asked = {"email": "rene@example.org", "commune": "47004", "project": booth.project}
    late = booth.client.post(f"/api/v1/polls/{booth.poll}/requests", json=asked)
    assert told(late) == (409, "poll_closed")
    for link in links:
        assert told(booth.client.post(passes_of, json=link)) == (409, "poll_closed")
    assert booth.kept() == before


def token_of(booth: Booth, email: str) -> str:
    """The token of a link that is mailed now."""
    ask(booth.stage, email)
    return token_and_code(booth.stage)[0]


@pytest.mark.parametrize("way", ["rpc", "batches"])
def test_the_window_opens_on_its_very_instant(tmp_path: Path, way: str) -> None:
    booth = Booth(tmp_path, way, opened=False)
    clock = booth.stage.troupe.clock
    clock.move_to(OPENS - MS)
    before = booth.kept()
    asked = {"email": "rene@example.org", "commune": "47004", "project": booth.project}
    requests = f"/api/v1/polls/{booth.poll}/requests"
    with_code: dict[str, Any] = {"pass": None, "code": booth.fresh}
    assert told(booth.cast()) == (409, "poll_not_open")
    assert told(booth.cast(**with_code)) == (409, "poll_not_open")
    assert told(booth.client.post(requests, json=asked)) == (409, "poll_not_open")
    assert booth.kept() == before
    # No timer has run: who comes on the instant is in time.
    clock.move_to(OPENS)
    shown = booth.client.get(f"/api/v1/polls/{booth.poll}").get_json()
    assert (shown["state"], shown["open"]) == ("prepared", True)
    assert booth.client.post(requests, json=asked).status_code == 202
    assert booth.cast(**with_code).status_code == 202
    assert booth.cast().status_code == 202
