"""Work over 50 ms of CPU, in a child process: a busy green thread freezes a whole service."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from services.chassis.errors import Refusal

log = structlog.get_logger()

PATIENCE_S = 15.0
"""How long people wait for what a long computation answers."""

_TURN = threading.Lock()


@contextmanager
def turn(patience_s: float | None = None) -> Iterator[None]:
    """The turn to compute: those who gave up and ask again must not slow one another down.

    Goes on without it after ``patience_s``: who asked has gone, which whoever computes must see.
    """
    has_it = _TURN.acquire(timeout=-1 if patience_s is None else patience_s)
    try:
        yield
    finally:
        if has_it:
            _TURN.release()


def run(worker: str, payload: Any, timeout_s: float = 30) -> Any:
    """``worker`` ("module:function") applied to ``payload`` in a child; JSON in and out.

    Raises ``Refusal("computation_failed")`` when the child fails or takes over ``timeout_s``.
    Under eventlet the wait is cooperative.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "services.chassis.offload", worker],
            input=json.dumps(payload).encode(),
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except Exception as error:
        # Under eventlet it is no subprocess.TimeoutExpired: its subprocess is a copy of that.
        if getattr(error, "timeout", None) is None:
            raise
        raise _failed(f"over {timeout_s} s") from error
    if done.returncode:
        raise _failed(done.stderr.decode(errors="replace")[-500:])
    return json.loads(done.stdout)


def run_here(worker: str, payload: Any) -> Any:
    """``worker`` applied to ``payload`` in this process, through JSON as a child would."""
    module, name = worker.split(":")
    function = getattr(importlib.import_module(module), name)
    return json.loads(json.dumps(function(json.loads(json.dumps(payload)))))


def _failed(reason: str) -> Refusal:
    # For the operator: it may hold paths, and whoever asked can do nothing with it.
    log.error("computation_failed", reason=reason)
    return Refusal(
        "computation_failed",
        "Le calcul n’a pas abouti.",
        "Réessayez ; si cela dure, prévenez l’exploitant.",
        503,
    )


if __name__ == "__main__":
    json.dump(run_here(sys.argv[1], json.load(sys.stdin)), sys.stdout)
