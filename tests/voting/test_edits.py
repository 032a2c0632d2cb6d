"""Two organisers who prepare one poll: the second sees what the first has set."""

from __future__ import annotations

from datetime import timedelta

from tests.edits import Editor
from tests.voting.stage import CLOSES, MARATHON, Stage

HOUR = timedelta(hours=1)


def test_a_window_that_somebody_set_is_not_overwritten_unseen(stage: Stage) -> None:
    stage.mobilised()
    organiser = Editor(stage.voting)
    poll = {"marathon": MARATHON, "visitor": "the same"}
    seen = organiser.look("get_poll", **poll)
    early, late = ((CLOSES - n * HOUR).isoformat() for n in (2, 1))
    after = organiser.edit(seen, "prepare_poll", **poll, closes_at=early)
    # The answer is in this visitor's own order, as the poll is shown to them (RULES V6).
    assert after == organiser.look("get_poll", **poll) != seen
    assert organiser.edit(seen, "prepare_poll", **poll, closes_at=late) == "changed_meanwhile"
    assert stage.poll().closes_at == CLOSES - 2 * HOUR
    assert len(organiser.edit(after, "prepare_poll", **poll, closes_at=late)) == 32
    assert stage.poll().closes_at == CLOSES - HOUR
