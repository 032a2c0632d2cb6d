"""The register of who voted goes by itself three months after the results (RULES D1, D2)."""

from __future__ import annotations

from datetime import timedelta

from services.chassis.retention import LIMITS, LINKS
from services.voting import unlinking
from services.voting.periods import REGISTER
from services.voting.rules import RULES
from tests.voting.stage import CLOSES, Stage
from tests.voting.test_unlinking import CLOSED, counted

SECOND = timedelta(seconds=1)


def counted_at(stage: Stage) -> timedelta:
    """How long after the closing of the vote it was counted."""
    at = stage.poll().counted_at
    assert at is not None
    return at - CLOSES


def test_the_register_goes_after_its_time_and_not_before(stage: Stage) -> None:
    counted(stage)
    due = CLOSES + counted_at(stage) + REGISTER
    stage.at(due - SECOND)
    assert stage.rows("voters", "box") == {"voters": 6, "box": 6}
    stage.at(due)
    assert stage.rows("voters", "box") == {"voters": 0, "box": 6}


def test_results_stay_as_they_are(stage: Stage) -> None:
    receipts = counted(stage)
    before = stage.published(receipts[0])
    said = stage.said()
    stage.at(CLOSED + REGISTER)
    assert stage.rows("voters") == {"voters": 0}
    assert stage.published(receipts[0]) == before
    assert before["get_poll"]["voters"] == 6
    assert stage.said() == said


def test_a_dispute_holds_it(stage: Stage) -> None:
    counted(stage)
    stage.marathon("closed", purge_held=True)
    stage.at(CLOSED + 2 * REGISTER)
    assert stage.rows("voters") == {"voters": 6}
    stage.marathon("closed", purge_held=False)
    stage.at(CLOSED + 2 * REGISTER)
    assert stage.rows("voters") == {"voters": 0}


def test_a_marathon_that_nobody_closes_keeps_neither_register_nor_link(stage: Stage) -> None:
    stage.opened()
    for code in stage.codes(3):
        stage.vote(code, "wool")
    stage.ended()
    stage.at(CLOSES + counted_at(stage) + REGISTER - SECOND)
    assert stage.rows("register", "ballots") == {"register": 3, "ballots": 3}
    stage.at(CLOSES + counted_at(stage) + REGISTER)
    linking = ("register", "ballots", "poll_secrets", "codes", "voters")
    assert stage.rows(*linking) == dict.fromkeys(linking, 0)
    assert stage.tally()["counted"]["wool"] == 3


def test_its_pages_are_taken_out_of_the_files_too(stage: Stage) -> None:
    counted(stage)
    stage.at(CLOSED + timedelta(days=8))
    unlinking.scrub(stage.voting.database, CLOSED + timedelta(days=8))
    assert stage.poll().scrubbed_at is not None
    stage.at(CLOSED + REGISTER)
    assert stage.poll().scrubbed_at is None
    assert unlinking.scrub(stage.voting.database, CLOSED + REGISTER) == [stage.poll().id]


def test_what_the_table_promises_is_what_the_rules_do() -> None:
    assert timedelta(minutes=RULES.link_minutes) <= LINKS
    assert timedelta(hours=1) == LIMITS
    assert timedelta(days=92) >= REGISTER
