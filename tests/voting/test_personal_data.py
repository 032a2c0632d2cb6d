"""What voting shows of somebody: that they voted, never how (RULES D2, V6)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from services.chassis.actor import Actor
from services.chassis.errors import Refusal
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage

CLOSED = CLOSES + timedelta(hours=5)
HOLD = timedelta(days=7)
EMAIL = "ines@example.org"


def ines(stage: Stage) -> Actor:
    return Actor(stage.voting.within(lambda work: work.person_key(EMAIL)), "Inès")


def ask(stage: Stage, project: str) -> str:
    """Asks for a link; its token."""
    stage.call(
        *("request_ballot", NOBODY),
        poll=stage.poll().id,
        email=EMAIL,
        commune="47179",
        project=project,
    )
    found = re.search(r"token=(\S+)", stage.mails()[-1].text)
    assert found
    return found[1]


def vote(stage: Stage, project: str) -> str:
    """Votes by mail; the receipt."""
    poll = stage.poll().id
    given = stage.call("exchange_proof", NOBODY, poll=poll, token=ask(stage, project))
    cast = stage.call("cast", NOBODY, poll=poll, project=project, **{"pass": given["pass"]})
    return str(cast["receipt"])


def mine(stage: Stage) -> Any:
    return stage.call("my_data", ines(stage))


def without_mails(held: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in held.items() if name != "mails"}


def test_who_did_nothing_is_nowhere(stage: Stage) -> None:
    stage.opened()
    assert mine(stage) == {
        "polls": [],
        "signatures": [],
        "mails": [],
        "answers": [],
        "role_copies": [],
    }


def test_what_was_asked_for_is_shown_without_the_choice(stage: Stage) -> None:
    stage.opened()
    ask(stage, "wool")
    held = mine(stage)
    assert held["polls"] == [
        {
            "marathon": MARATHON,
            "voted": False,
            "links": [
                {
                    "issued_at": OPENS.isoformat(),
                    "expires_at": (OPENS + timedelta(minutes=30)).isoformat(),
                }
            ],
        }
    ]
    assert [mail["to"] for mail in held["mails"]] == [EMAIL]
    text = json.dumps(held)
    assert "wool" not in text
    assert "token" not in text


def test_one_voted_and_nobody_can_tell_how_or_how_often(stage: Stage) -> None:
    stage.opened()
    receipt = vote(stage, "wool")
    once = mine(stage)
    assert once["polls"] == [{"marathon": MARATHON, "voted": True, "links": []}]
    assert receipt not in json.dumps(once)
    vote(stage, "garden")
    assert without_mails(mine(stage)) == without_mails(once)


@pytest.mark.parametrize("choice", ["bakery", "garden"])
def test_every_choice_looks_the_same(stage: Stage, choice: str) -> None:
    stage.opened()
    vote(stage, choice)
    polls = [{"marathon": MARATHON, "voted": True, "links": []}]
    expected = {"polls": polls, "signatures": [], "answers": [], "role_copies": []}
    assert without_mails(mine(stage)) == expected


def test_somebody_else_s_vote_is_not_mine(stage: Stage) -> None:
    stage.opened()
    vote(stage, "wool")
    assert stage.call("my_data", Actor("somebody-else"))["polls"] == []


def test_once_the_link_is_destroyed_nobody_can_tell_any_more(stage: Stage) -> None:
    stage.opened()
    vote(stage, "wool")
    stage.ended()
    stage.at(CLOSED)
    stage.marathon("closed", closed_at=CLOSED.isoformat())
    assert [line["voted"] for line in mine(stage)["polls"]] == [True]
    stage.at(CLOSED + HOLD)
    assert mine(stage)["polls"] == []


def test_a_machine_has_no_data(stage: Stage) -> None:
    with pytest.raises(Refusal) as refused:
        stage.call("my_data", Actor(None, "machine"))
    assert refused.value.code == "person_missing"
