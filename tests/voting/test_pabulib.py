"""Elections of the sizes met in practice, from a file as Pabulib publishes them to a recount
offline. The files are made here: of none that is published is the licence known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli.poll import command
from services.chassis.storage import storage_of
from services.voting import passes
from services.voting.box_file import key_of
from services.voting.rules import RULES
from tests.voting.pabulib import Election, PabulibError, Vote, parse, tally, written
from tests.voting.stage import NOBODY, Stage, on_sqlite
from tests.voting.test_intake import batch, secret_of, settled, take

SMALL = '''META
key;value
vote_type;choose-1
num_votes;2
PROJECTS
project_id;cost;votes;name
1;10;1;"Four; ""commun"""
2;20;1;Laine
VOTES
voter_id;age;voting_method;vote
a;;internet;1
b;30;paper;"2"
'''


AT_ONCE = dict.fromkeys(("suspect_network", "suspect_domain", "suspect_second"), 10**9)
"""All votes of a file come at once, from one place: nothing to look at before the count."""


def play(stage: Stage, election: Election, folder: Path) -> dict[str, Any]:
    """The election through intake, closing and count; answers what an offline recount tells."""
    poll = stage.opened(*election.projects, **AT_ONCE)
    on_line = [vote for vote in election.votes if not vote.on_paper]
    numbers = len(list(send(stage, on_line)))
    for vote, code in zip(
        (vote for vote in election.votes if vote.on_paper),
        codes(stage, len(election.votes) - len(on_line)),
        strict=True,
    ):
        stage.vote(code, vote.project)
    if numbers:
        settled(stage, "lane", numbers)
    stage.ended()
    box, record = folder / "box.csv", folder / "record.json"
    with box.open("wb") as file:
        file.writelines(storage_of(stage.troupe.settings).read(key_of(poll)))
    record.write_text(json.dumps(stage.call("get_record", NOBODY, poll=poll)))
    done = CliRunner().invoke(command, ["count", str(box), "--record", str(record)])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def send(stage: Stage, votes: list[Vote]) -> Iterator[int]:
    """Votes by mail, in batches as a gateway sends them."""
    secret = secret_of(stage)
    for number, start in enumerate(range(0, len(votes), 200), 1):
        part = votes[start : start + 200]
        pairs = [(passes.voter_key(secret, vote.voter), vote.project) for vote in part]
        take(stage, batch(stage, number, *pairs))
        yield number


def codes(stage: Stage, count: int) -> Iterator[str]:
    """So many paper codes, as many at a time as there may be."""
    for start in range(0, count, RULES.most_codes):
        yield from stage.codes(min(RULES.most_codes, count - start))


def check(stage: Stage, text: str, folder: Path) -> None:
    """What was counted is what is in the file, found by two ways that share nothing."""
    election = parse(text)
    expected = tally(text)
    told = play(stage, election, folder)
    most = max(expected.values())
    winners = sorted(project for project, votes in expected.items() if votes == most)
    assert told == {
        "ballots": len(election.votes),
        "counts": dict(sorted(expected.items())),
        "winners": winners,
        "tie": len(winners) > 1,
        "agrees": True,
        "differences": [],
    }
    record = stage.call("get_record", NOBODY, poll=stage.poll().id)["record"]
    assert record["voters"] == record["accepted"] == len(election.votes)
    assert stage.rows("register", "ballots")["register"] == len(election.votes)


def test_a_small_election_on_paper_and_on_line(stage: Stage, tmp_path: Path) -> None:
    check(stage, written(9, 300, paper=100), tmp_path)


@on_sqlite
def test_7_projects_and_7_800_ballots(stage: Stage, tmp_path: Path) -> None:
    check(stage, written(7, 7_800, seed=1), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_9_projects_and_8_300_ballots_a_third_on_paper(stage: Stage, tmp_path: Path) -> None:
    check(stage, written(9, 8_300, paper=2_767, vote_type="approval", seed=2), tmp_path)


@on_sqlite
def test_150_projects_and_many_ballots(stage: Stage, tmp_path: Path) -> None:
    check(stage, written(150, 4_000, seed=3), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_150_projects_and_131_778_ballots(stage: Stage, tmp_path: Path) -> None:
    check(stage, written(150, 131_778, seed=3), tmp_path)


def test_quotes_and_empty_fields_are_read() -> None:
    election = parse("\ufeff" + SMALL.replace("\n", "\r\n"))
    assert election.projects == {"1": 'Four; "commun"', "2": "Laine"}
    assert election.votes == (Vote("a", "1", on_paper=False), Vote("b", "2", on_paper=True))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("META\n", "", "line 1: before any section"),
        ("choose-1", "cumulative", "vote_type 'cumulative' is not one choice each"),
        ("vote_type;choose-1\n", "", "vote_type None is not one choice each"),
        ("num_votes;2", "num_votes;3", "num_votes 3, but there are 2"),
        ("a;;internet;1", "a;;internet;", "line 11: 0 choices, not one"),
        ("a;;internet;1", 'a;;internet;"1,2"', "line 11: 2 choices, not one"),
        ("a;;internet;1", "a;;internet;9", "line 11: no project '9'"),
        ("a;;internet;1", ";;internet;1", "line 11: nothing to name it by"),
        ("a;;internet;1", "b;;internet;1", "line 12: 'b' is there twice"),
        ("a;;internet;1", "a;internet;1", "line 11: 3 of 4 columns"),
        ("2;20;1;Laine", "1;20;1;Laine", "line 8: '1' is there twice"),
        ("2;20;1;Laine", "2;20;2;Laine", "2: 2 votes published, 1 there"),
        ('"2"', '"2', "line 12: unexpected end of data"),
        ('"2"', '"2"x', "line 12: ';' expected after '\"'"),
    ],
)
def test_what_is_no_such_election_is_named_by_its_line(old: str, new: str, told: str) -> None:
    assert old in SMALL
    with pytest.raises(PabulibError) as refused:
        parse(SMALL.replace(old, new, 1))
    assert str(refused.value) == told
