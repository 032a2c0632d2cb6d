"""The scrutineers' page and the box as a file: for them and the organisers, after the count."""

from __future__ import annotations

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploy.cli.poll import command
from services.chassis.storage import storage_of
from services.voting.box_file import key_of
from tests.gateway.crawl import Visitor, gateway_of
from tests.gateway.test_non_interference import LEG, VOTES, Story
from tests.harness import Troupe
from tests.journeys.tour import LENGTH, STARTS

CHECKING = [Visitor(name, name, frozenset({("scrutineer", LEG)})) for name in ("sonia", "samir")]
PEOPLE = [
    *CHECKING,
    Visitor("coach", "coach", frozenset({("coach", LEG)})),
    Visitor("organiser", "organiser", frozenset({("organiser", LEG)})),
]
PAGE = f"/marathons/{LEG}/scrutin"


class Evening:
    """A poll with votes, and those who may look at it."""

    def __init__(self, where: Path) -> None:
        self.troupe = Troupe(where)
        self.story = Story(self.troupe, VOTES, "47004")
        self.story.play_to_the_vote()
        self.client: FlaskClient = gateway_of(self.troupe, PEOPLE).test_client()
        self.poll = str(self.story.poll(LEG)["id"])
        self.box = f"/api/v1/polls/{self.poll}/box"

    def count(self) -> None:
        self.story.at(STARTS[0] + LENGTH)
        self.story.until("counted", lambda: self.story.poll(LEG)["state"] == "counted")
        self.troupe.tick()

    def get(
        self, path: str, who: str = "sonia", method: str = "GET", **headers: str
    ) -> TestResponse:
        credential = {"Authorization": f"Bearer {who}"} if who else {}
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(path, method=method, headers={**credential, **headers})

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(f"/api/v1/polls/{self.poll}/record", "").text)
        return found


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """A poll that is counted."""
    made = Evening(tmp_path_factory.mktemp("evening"))
    made.count()
    return made


def test_before_the_count_scrutineers_see_a_state_and_no_file(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    page = evening.get(PAGE)
    assert page.status_code == 200
    assert "Personne ne connaît les résultats avant la clôture" in page.text
    assert "/box" not in page.text
    answer = evening.get(evening.box)
    assert (answer.status_code, json.loads(answer.text)["code"]) == (409, "poll_not_counted")


def test_two_scrutineers_recount_what_they_downloaded(evening: Evening, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_bytes(evening.get(f"/api/v1/polls/{evening.poll}/record").data)
    for who in CHECKING:
        answer = evening.get(evening.box, who.name)
        assert answer.status_code == 200
        box = tmp_path / f"{who.name}.csv"
        box.write_bytes(answer.data)
        done = CliRunner().invoke(command, ["count", str(box), "--record", str(record)])
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["agrees"]
        assert told["ballots"] == evening.record()["record"]["counted_ballots"] == len(VOTES)
        assert told["winners"] == evening.record()["record"]["winners"]


def test_the_file_says_what_it_is(evening: Evening) -> None:
    answer = evening.get(evening.box)
    digest = evening.record()["record"]["box_digest"]
    assert hashlib.sha256(answer.data).hexdigest() == digest
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=urne-{LEG}.csv"
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_head_and_who_has_it_already_get_no_body(evening: Evening) -> None:
    whole = evening.get(evening.box)
    head = evening.get(evening.box, method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type", "Content-Disposition"):
        assert head.headers[name] == whole.headers[name]
    again = evening.get(evening.box, If_None_Match=whole.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    other = evening.get(evening.box, If_Match='"other"')
    assert other.status_code == 412


@pytest.mark.parametrize(("who", "status"), [("", 401), ("coach", 403), ("organiser", 200)])
def test_who_else_may_have_it(evening: Evening, who: str, status: int) -> None:
    assert evening.get(evening.box, who).status_code == status
    page = evening.get(PAGE, who)
    if who:
        assert page.status_code == status
    else:  # a person is asked to sign in
        assert (page.status_code, page.headers["Location"]) == (303, f"/connexion?retour={PAGE}")


def test_the_page_has_the_files_their_digests_and_the_command(evening: Evening) -> None:
    page = html.unescape(evening.get(PAGE).text)
    record = evening.record()
    for digest in (
        record["digest"],
        record["record"]["box_digest"],
        record["record"]["receipts_digest"],
    ):
        assert digest in page
    for path in (evening.box, f"/api/v1/polls/{evening.poll}/record"):
        assert f'href="{path}"' in page
    assert re.search(r"marathon poll count urne-\S+\.csv --record record-\S+\.json", page)
    for path in re.findall(r'href="(/[^"#]+)"', page):
        assert evening.get(path).status_code == 200, path
    # No figure of the count is on the page itself: it is read in the record, or recounted.
    assert "Contrôle du dépouillement" in page


def test_one_finds_the_page_in_ones_own_space(evening: Evening) -> None:
    assert f'href="{PAGE}"' in evening.get("/moi").text
    assert f'href="{PAGE}"' not in evening.get("/moi", "coach").text
    assert f'href="{PAGE}"' in evening.get(f"/bureau/marathons/{LEG}/vote", "organiser").text


def test_the_public_page_has_record_receipts_and_their_digests(evening: Evening) -> None:
    page = evening.get(f"/marathons/{LEG}/resultats", "").text
    record = evening.record()
    for found in (
        record["digest"],
        record["record"]["box_digest"],
        record["record"]["receipts_digest"],
        f"/api/v1/polls/{evening.poll}/record",
        f"/api/v1/polls/{evening.poll}/receipts",
    ):
        assert found in page
    assert evening.box not in page


def test_a_storage_without_the_file_is_said_and_nothing_else_suffers(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    evening.count()
    storage_of(evening.troupe.settings).delete(key_of(evening.poll))
    answer = evening.get(evening.box)
    assert (answer.status_code, json.loads(answer.text)["code"]) == (503, "file_away")
    assert answer.headers["Retry-After"]
    assert evening.get(PAGE).status_code == 200
