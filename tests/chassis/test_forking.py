"""What a process that was forked for a test must not have in common with the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.forking import ROOT

BECOME = """
import json, os
from tests.prefork import become
from eventlet import hubs
before = hubs.get_hub()
told = {"env": dict(os.environ), "folder": os.getcwd(), "arguments": ["run", "voting"]}
become(told | {"stdout": os.environ["SEEN"], "stderr": os.environ["SEEN"]})
print(json.dumps(hubs.get_hub() is before), flush=True)
"""


def test_each_waits_with_a_hub_of_its_own(tmp_path: Path) -> None:
    """With one for all, what happens to any of them would wake all others."""
    seen = tmp_path / "seen"
    env = {**os.environ, "SEEN": str(seen)}
    command = [sys.executable, "-W", "ignore", "-c", BECOME, "green"]
    subprocess.run(command, env=env, cwd=ROOT, check=True, timeout=60)
    assert json.loads(seen.read_text()) is False
