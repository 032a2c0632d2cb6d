"""Counts are hidden from everyone until the count, on every door and in every event."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.chassis.errors import Refusal
from services.chassis.tables import metadata
from tests.voting.stage import CLOSES, MARATHON, NOBODY, ORGANISER, Stage, on_sqlite
from tests.voting.test_intake import batch, take

READING = (
    ("get_poll", {"poll"}),
    ("list_codes", {"poll"}),
    ("list_cases", {"poll"}),
    ("list_decisions", {"poll"}),
    ("get_record", {"poll"}),
    ("get_box", {"poll"}),
    ("list_receipts", {"poll"}),
    ("get_results", {"marathon"}),
)


def surfaces(stage: Stage, poll: str) -> list[Any]:
    """All that can be asked or heard, as the organiser and as nobody."""
    seen: list[Any] = []
    for door, names in READING:
        for actor in (ORGANISER, NOBODY):
            request = {n: {"poll": poll, "marathon": MARATHON}[n] for n in names}
            try:
                seen.append((door, stage.call(door, actor, **request)))
            except Refusal as refusal:
                seen.append((door, refusal.to_problem()))
    return [*seen, stage.voting.said()]


def tried(stage: Stage, poll: str, codes: list[str]) -> list[Any]:
    """What somebody is told who tries every used code for every project, under a key or not."""
    seen: list[Any] = []
    for code in codes:
        for project in ("bakery", "garden", "wool"):
            for key in (None, f"{code} {project}"):
                request = {"poll": poll, "code": code, "project": project}
                with pytest.raises(Refusal) as refused:
                    stage.voting.call("cast", request, actor=NOBODY, key=key)
                seen.append(refused.value.to_problem())
    return seen


def run(folder: Path, choices: tuple[str, ...]) -> tuple[list[Any], Stage]:
    """One poll, the same voters each time, with other choices; what was seen on the way."""
    folder.mkdir()
    stage = Stage(f"sqlite:///{folder}/{{service}}.sqlite", seed=7)
    few = {"suspect_domain": 3, "suspect_network": 3}
    poll = stage.opened("bakery", "garden", "wool", **few)
    codes = stage.codes(len(choices))
    seen = [surfaces(stage, poll)]
    for number, choice in enumerate(choices):
        stage.troupe.clock.move_by(timedelta(minutes=1))
        stage.vote(codes[number], choice)
        stage.mailed(f"voter {number}", choice, "trash.example", "192.0.2.7")
    seen += [surfaces(stage, poll), tried(stage, poll, codes)]
    stage.troupe.clock.move_by(timedelta(minutes=1))
    preview = stage.call("preview_invalidation", poll=poll, domain="trash.example")
    # Its digest is of trackers, and those are drawn.
    seen.append([preview[name] for name in ("ballots", "voters", "pending", "to_at")])
    stage.at(CLOSES)  # closed, the marathon has not ended yet
    seen += [surfaces(stage, poll), tried(stage, poll, codes)]
    return seen, stage


def test_other_choices_show_nowhere_until_the_count(tmp_path: Path) -> None:
    first, one = run(tmp_path / "one", ("wool", "wool", "garden", "wool"))
    second, two = run(tmp_path / "two", ("bakery", "garden", "garden", "bakery"))

    assert first == second
    assert one.poll().state == "closed"
    assert first[3][:3] == [4, 4, 0]
    for stage in (one, two):
        stage.ended()
        assert stage.poll().state == "closed"
        for case in stage.call("list_cases", poll=stage.poll().id):
            stage.call("release_case", poll=stage.poll().id, case=case["case"], reason="Vu.")
        stage.at(CLOSES)
        stage.troupe.close()
    assert one.tally()["counted"] == {"bakery": 0, "garden": 2, "wool": 6}
    assert two.tally()["counted"] == {"bakery": 4, "garden": 4, "wool": 0}


@pytest.mark.parametrize("door", ["get_record", "get_box", "list_receipts", "check_receipt"])
@on_sqlite
def test_nothing_is_answered_before_the_count_even_to_the_organiser(
    stage: Stage, door: str
) -> None:
    poll = stage.opened()
    receipt = stage.vote(stage.codes(1)[0], "wool")
    more = {"receipt": receipt} if door == "check_receipt" else {}
    for instant in (stage.troupe.clock.now(), CLOSES):
        stage.at(instant)
        with pytest.raises(Refusal) as refused:
            stage.call(door, ORGANISER, poll=poll, **more)
        assert refused.value.code == "poll_not_counted"


@on_sqlite
def test_receipt_is_in_no_mail_no_event_and_no_log(
    stage: Stage,
    told: io.StringIO,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    poll = stage.opened()
    code = stage.codes(1)[0]
    asked = {"email": "anne@example.org", "commune": "47106", "project": "wool"}
    stage.call("request_ballot", NOBODY, poll=poll, **asked)
    receipts = [stage.vote(code, "wool"), stage.mailed("anne", "wool", "example.org")]
    late = batch(stage, 1, ("bruno", "wool"))
    stage.ended()
    take(stage, late)
    assert "ballots_too_late" in told.getvalue(), "the log is not here"

    with stage.voting.session() as session:
        kept = str([session.execute(table.select()).all() for table in metadata.sorted_tables])
    assert "anne@example.org" in kept, "the mail is not here"
    printed = capsys.readouterr()
    logged = told.getvalue() + caplog.text + printed.out + printed.err
    for secret in (*receipts, code, code.replace("-", "")):
        assert secret not in kept
        assert secret not in logged
