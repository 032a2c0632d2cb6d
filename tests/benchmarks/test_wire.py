"""What measures the wire still measures it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from typing import Any

import pytest


@pytest.mark.parametrize("whose", ["ours", "bare"])
def test_each_event_that_was_said_is_timed(servers: Any, worker_id: str, whose: str) -> None:
    # Databases of its own: the dummies' would be left full for others.
    name = f"wire_{whose}_{worker_id}"
    for service in ("potter", "collector"):
        servers.create_database(f"{name}_{service}")
    database_url = servers.database_url.replace("{service}", f"{name}_{{service}}")
    command = [sys.executable, "-m", "tests.benchmarks.wire", "events", whose]
    done = subprocess.run(
        [*command, servers.new_vhost(), database_url],
        env={**os.environ, "BENCH_EVENTS": "20"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 20
    assert all(0 < seconds < math.inf for seconds in found)
