"""The process that ``tests.forking`` asks: it has imported all that ``marathon`` does, and forks.

Its argument is ``green`` for what serves (``marathon run``), else ``plain``. Each line on its
standard input wants a process or asks how one ended; the answer is a line of JSON.
"""

from __future__ import annotations

import sys

from deploy import cli

if sys.argv[1] == "green":
    # Before anything else is imported, as the command itself does.
    cli._become_green()

import atexit
import gc
import importlib
import json
import os
import threading
import traceback
import warnings
from typing import Any, NoReturn

SERVICES = [f"services.{name}.service" for name in ("registration", "venues", "voting", "jury")]
BOTH = ["deploy.cli.root", "services.chassis.runner", "services.chassis.migrations", *SERVICES]
WANTED = {
    "green": [*BOTH, "deploy.cli.run", "deploy.embedded", "gateway.intake", "gateway.server"],
    "plain": [
        *BOTH,
        *(f"deploy.cli.{name}" for name in ("migrate", "topology", "token", "organiser")),
        *(f"deploy.cli.{name}" for name in ("instance", "partner", "relay", "play")),
    ],
}


def serve() -> dict[str, Any]:
    """Forks for who asks, until nobody is there any more; returns in the new process alone."""
    # As they were before eventlet: this process only waits, and has no green threads.
    system = sys.modules["eventlet"].patcher.original("os") if sys.argv[1] == "green" else os
    for line in sys.stdin:
        told: dict[str, Any] = json.loads(line)
        if "poll" in told:
            pid, status = system.waitpid(told["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = system.fork()
            if not answer:
                return told
        print(json.dumps(answer), flush=True)
    sys.exit()


def become(told: dict[str, Any]) -> None:
    """Makes this process what it would be if a shell had started it."""
    os.setsid()
    ways = (
        (os.devnull, os.O_RDONLY),
        (told["stdout"], os.O_WRONLY | os.O_APPEND | os.O_CREAT),
        (told["stderr"], os.O_WRONLY | os.O_APPEND | os.O_CREAT),
    )
    for number, (path, how) in enumerate(ways):
        opened = os.open(path, how, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(told["env"])
    os.chdir(told["folder"])
    sys.argv = ["marathon", *told["arguments"]]
    if hubs := sys.modules.get("eventlet.hubs"):
        # What eventlet waits with is one descriptor: forked, all these processes would be woken
        # by what happens to any of them, again and again until whom it concerns has dealt with it.
        hubs.use_hub()


def end(code: Any) -> NoReturn:
    """Ends as Python does, but that nothing is taken apart: it takes a second, for nothing."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in WANTED[sys.argv[1]]:
            importlib.import_module(module)
    gc.collect()
    gc.freeze()
    become(serve())
    try:
        cli.main()
    except SystemExit as ended:
        end(ended.code)
    except BaseException:
        traceback.print_exc()
        end(1)
    end(None)
