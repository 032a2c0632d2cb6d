"""The conversations of docs/relay/vectors, held with a real instance of registration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.registration.partners import bodies, keys
from tests.registration.partners.samples import BETA
from tests.registration.partners.stage import Instance
from tests.registration.partners.vectors import FOLDER

SHARED = json.loads((FOLDER / "conversations.json").read_text(encoding="utf-8"))


@pytest.fixture
def beta(tmp_path: Path) -> Iterator[Instance]:
    """Beta with the cycle open, as every conversation begins."""
    (tmp_path / "beta").mkdir()
    keys.save_private(BETA, tmp_path / "beta" / "relay.pem")
    now = bodies.moment(SHARED["now"])
    assert now is not None
    made = Instance("beta", tmp_path, now)
    made.call("open_cycle", file=SHARED["cycle_file"])
    yield made
    made.troupe.close()


@pytest.mark.parametrize("talk", SHARED["conversations"], ids=lambda one: str(one["name"]))
def test_a_conversation_has_its_verdicts(talk: dict[str, Any], beta: Instance) -> None:
    heard = [beta.receive(step["message"], step["channel"]).verdict for step in talk["steps"]]
    assert heard == [step["verdict"] for step in talk["steps"]]
    assert [list(grant[:3]) for grant in beta.grants()] == talk["grants"]


def test_the_conversations_have_every_verdict_that_depends_on_what_is_known() -> None:
    text = (FOLDER.parents[1] / "relay-protocol.md").read_text(encoding="utf-8")
    table = text.split("| verdict | | what the sender does |")[1].split("\n\n")[0]
    described = set(re.findall(r"^\| `([a-z_]+)`", table, re.MULTILINE))
    found = {step["verdict"] for talk in SHARED["conversations"] for step in talk["steps"]}
    # How many packages are too many is each recipient's own.
    assert found == described - {"too_many"}
