"""Long computations in a child process: they end, by themselves or by their time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.chassis import offload
from services.chassis.errors import Refusal

UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
from services.chassis import offload
from services.chassis.errors import Refusal
try:
    offload.run("time:sleep", 60, timeout_s=0.2)
except Refusal as refusal:
    print(refusal.code, refusal.status)
"""


def test_a_child_computes() -> None:
    assert offload.run("math:factorial", 5) == 120


@pytest.mark.parametrize(("worker", "payload"), [("time:sleep", 60), ("time:sleep", "long")])
def test_what_takes_too_long_or_fails_is_refused(worker: str, payload: object) -> None:
    with pytest.raises(Refusal) as refused:
        offload.run(worker, payload, timeout_s=2)
    assert (refused.value.code, refused.value.status) == ("computation_failed", 503)


def test_what_takes_too_long_is_refused_among_green_threads_too() -> None:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UNDER_EVENTLET],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split()[-2:] == ["computation_failed", "503"]
