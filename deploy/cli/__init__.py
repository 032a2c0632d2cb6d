"""The operator's command ``marathon``.

This file imports next to nothing: what serves must patch the process before anything else is
imported, and the other commands should answer at once.
"""

from __future__ import annotations

import sys

# It serves from green threads.
GREEN = ("run",)


def main() -> None:
    """Runs one command line."""
    if any(word in GREEN for word in sys.argv[1:2]):
        _become_green()
    from deploy.cli.root import marathon

    marathon(prog_name="marathon")


def _become_green() -> None:
    import os
    import warnings

    # eventlet's own resolver costs every process twenty megabytes; ours ask for names when they
    # connect and at no other time, and the database's driver never went through it.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")

    # structlog would load it for colours on a console that no server has.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # "not to be had"
    # It says at every start that it is to be retired; docs/adr says what we do about it.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import eventlet

    eventlet.monkey_patch()
