"""``marathon poll missing``: what keeps a poll from closing, and the operator's word about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from deploy.cli.poll import command
from services.chassis import runner
from tests.voting.stage import CLOSES, NOBODY, Stage, on_sqlite


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["missing", *arguments])


@on_sqlite
def test_a_poll_that_lost_a_batch_is_closed_by_the_operators_word(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="silent")
    stage.ended(CLOSES)
    stage.at(CLOSES + timedelta(minutes=1))
    core = stage.voting.core
    monkeypatch.setattr(runner, "make_core", lambda *_any: core)
    assert run().stdout == f"{poll}: lane silent: its last batch is not known\n"
    assert run("--give-up", poll).exit_code == 2  # without a reason
    assert run("--give-up", "another", "--reason", "x").exit_code == 1
    assert stage.poll().state == "open"
    given = run("--give-up", poll, "--reason", "Le disque du courtier.")
    assert (given.exit_code, given.stderr) == (0, f"{poll} closes without them\n")
    assert run().stdout == ""
