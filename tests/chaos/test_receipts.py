"""The checker of the finals finds what it is there for: its silence means something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.receipts import faults
from tests.chaos.voters import NO_ANSWER, Line

BEGAN = datetime(2026, 6, 20, 20, 0, tzinfo=UTC)
PAPER = 4
KEYS = {voter: f"key-{voter}" for voter in range(5)}
Final = SimpleNamespace


def held(final: Final) -> list[str]:
    """What the checker finds, with a box and a record that are right for what is stored."""
    last = {row.voter_key: row for row in sorted(final.rows, key=lambda row: row.accepted_at)}
    box = final.box or {row.tracker: row.choice for row in last.values()}
    record = {
        "accepted": len(final.rows),
        "counted_ballots": len(box),
        "voters": len(last),
        "replaced": len(final.rows) - len(box),
    }
    return faults(final.lines, final.rows, box, record, KEYS, frozenset({PAPER}))


@pytest.fixture
def final() -> Final:
    """Four who voted by mail, the first of them twice, and one on paper."""
    cast = [(0, "wool"), (1, "garden"), (2, "bakery"), (3, "wool"), (0, "garden"), (PAPER, "wool")]
    return Final(
        lines=[line(voter, project, f"r{n}") for n, (voter, project) in enumerate(cast)],
        rows=[row(f"r{n}", voter, project, n) for n, (voter, project) in enumerate(cast)],
        box={},
    )


def line(voter: int, project: str, receipt: str | None, status: int = 202) -> Line:
    return Line(voter, project, receipt, status, 0.01, 0.0, 8000)


def row(tracker: str, voter: int, choice: str, at: int) -> Any:
    return Final(
        tracker=tracker,
        voter_key=KEYS[voter],
        choice=choice,
        accepted_at=BEGAN + timedelta(seconds=at),
        gateway="lane",
        batch=1,
        index_in_batch=at,
    )


def test_a_final_in_which_all_went_well(final: Final) -> None:
    assert held(final) == []


def lose(final: Final) -> None:
    del final.rows[1]


def shift_voters(final: Final) -> None:
    """Each ballot under the key of the one beside it, as if a column had slipped."""
    keys = [each.voter_key for each in final.rows]
    for each, key in zip(final.rows, keys[1:] + keys[:1], strict=True):
        each.voter_key = key


def change_choice(final: Final) -> None:
    final.rows[1].choice = "wool"


def hand_out_twice(final: Final) -> None:
    final.lines[2] = line(2, "garden", "r1")
    del final.rows[2]


def invent(final: Final) -> None:
    final.rows.append(row("r6", 1, "wool", 6))


def store_twice(final: Final) -> None:
    """One that was cast once, and got its receipt, under another tracker as well."""
    final.rows.append(row("r6", 1, "garden", 6))


def store_a_tracker_twice(final: Final) -> None:
    final.rows.append(final.rows[3])


def use_a_code_twice(final: Final) -> None:
    final.lines.append(line(PAPER, "wool", None, 503))
    final.rows.append(row("r6", PAPER, "wool", 6))


def count_an_earlier_one(final: Final) -> None:
    final.box = {each.tracker: each.choice for each in final.rows if each.tracker != "r4"}


def swap_in_time(final: Final) -> None:
    final.rows[0].accepted_at, final.rows[4].accepted_at = (
        final.rows[4].accepted_at,
        final.rows[0].accepted_at,
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose, ["receipt r1 is lost"]),
        (shift_voters, [f"receipt r{n} is stored for another voter" for n in range(6)]),
        (change_choice, ["receipt r1 is for garden, stored for wool"]),
        (
            hand_out_twice,
            [
                "receipt r1 was handed out 2 times",
                "receipt r1 is stored for another voter",
            ],
        ),
        (invent, ["1 ballots for wool that nobody cast"]),
        (store_twice, ["1 ballots for garden that nobody cast"]),
        (store_a_tracker_twice, ["a tracker is stored twice"]),
        (use_a_code_twice, ["a paper code has 2 ballots"]),
        (count_an_earlier_one, ["2 differences in the box"]),
        (swap_in_time, ["voter 0: an earlier ballot counts"]),
    ],
)
def test_what_the_checker_finds(
    final: Final, damage: Callable[[Final], None], said: list[str]
) -> None:
    damage(final)
    assert set(said) <= set(held(final))


@pytest.mark.parametrize("status", [NO_ANSWER, 503])
def test_a_ballot_without_a_receipt_may_be_counted(final: Final, status: int) -> None:
    final.lines.append(line(1, "wool", None, status))
    assert held(final) == []
    final.rows.append(row("r6", 1, "wool", 6))
    assert held(final) == []


@pytest.mark.parametrize("status", [409, 422])
def test_a_ballot_that_was_refused_may_not(final: Final, status: int) -> None:
    final.lines.append(line(1, "wool", None, status))
    final.rows.append(row("r6", 1, "wool", 6))
    assert "1 ballots for wool that nobody cast" in held(final)


def test_a_paper_code_that_is_repeated_until_it_is_answered(final: Final) -> None:
    final.lines.insert(5, line(PAPER, "wool", None, 503))
    assert held(final) == []
    final.lines.append(line(PAPER, "wool", "r5"))  # and once more: the same receipt
    assert held(final) == []
