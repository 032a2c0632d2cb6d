"""How much CPU has been used, in seconds."""

from __future__ import annotations

from typing import Any

import psutil


def of_process(pid: int) -> float:
    """By a process itself."""
    return _own(psutil.Process(pid).cpu_times())


def of_server(pid: int) -> float:
    """By a PostgreSQL server and all that ever worked for it.

    What a backend used that has ended is among what the server's ended children used.
    """
    server = psutil.Process(pid)
    while True:
        before = server.cpu_times()
        try:
            working = sum(_own(child.cpu_times()) for child in server.children(recursive=True))
        except psutil.NoSuchProcess:
            continue  # it ended while we looked
        if _ended(server.cpu_times()) == _ended(before):
            return _own(before) + _ended(before) + working


def _own(times: Any) -> float:
    return float(times.user + times.system)


def _ended(times: Any) -> float:
    return float(times.children_user + times.children_system)
