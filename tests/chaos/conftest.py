"""What the finals of these tests are begun with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import forking
from tests.chaos.finals import Finals, Wires

Begin = Callable[..., Finals]


@pytest.fixture
def begin_finals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Prepares a final on servers of which the test says the addresses, with wires to them if it
    is to be cut off; at the test's end all of it is gone."""
    # How a process ends is what these tests are about: each is started as an operator does.
    monkeypatch.setattr(forking, "allowed", False)
    begun: list[Finals] = []

    def start(servers: Any, amqp_url: str, wired: bool = False, **extra: str) -> Finals:
        names = f"finals_{abs(hash(str(tmp_path))) % 10**8}_{{service}}"
        servers.create_database(names.replace("{service}", "voting"))
        url = servers.database_url.replace("{service}", names)
        wires = Wires.to(amqp_url, url) if wired else None
        begun.append(Finals(tmp_path, amqp_url, url, wires, **extra))
        return begun[-1]

    yield start
    for finals in begun:
        finals.stop()
        if finals.wires:
            finals.wires.close()
