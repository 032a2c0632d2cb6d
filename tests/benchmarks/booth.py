"""The gateway with another way to keep a ballot, for comparison: ``booth.py WAY``.

Everything is the gateway's own, its server, its checks, its log, but for what happens to a
ballot that is right: ``batches`` (as in production), ``insert`` (a row and a commit each),
``rpc`` (a call to a service each, which does that). ``POST /empty`` answers nothing at once.
``service`` runs the service that ``rpc`` calls. ``MARATHON_WORKERS`` is the size of their pool of
connections, and how many calls the service answers at once.
"""

from __future__ import annotations

import sys
from typing import Any
from unittest import mock

import eventlet

eventlet.monkey_patch()

from nameko.containers import ServiceContainer  # noqa: E402
from nameko.rpc import rpc  # noqa: E402
from sqlalchemy import text  # noqa: E402

from gateway import server  # noqa: E402 - after the patch
from gateway.app import create_app  # noqa: E402
from gateway.hooks import headers_of  # noqa: E402
from gateway.intake import ballots_in_batches  # noqa: E402
from gateway.intake.caller import BallotsInBatches  # noqa: E402
from services.chassis import logs  # noqa: E402
from services.chassis.calls import Caller, nameko_config  # noqa: E402
from services.chassis.config import Settings  # noqa: E402
from services.chassis.database import Database  # noqa: E402
from services.chassis.runner import stop_signal  # noqa: E402

TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_ballots (tracker text PRIMARY KEY, voter text, choice text,"
    " accepted timestamptz, domain text, network text)"
)
INSERT = text(
    "INSERT INTO bench_ballots VALUES (:tracker, :voter, :choice, :accepted, :domain, :network)"
)
NAMES = ("tracker", "voter", "choice", "accepted", "domain", "network")


class Insert:
    """In place of a lane: a row and a commit for each ballot."""

    dead = False

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url_of("voting"), settings)
        with self.database.engine.begin() as connection:
            connection.execute(text(TABLE))

    def cast(self, ballot: Any) -> bool:
        """Whether it is committed."""
        self.keep({name: getattr(ballot, name) for name in NAMES})
        return True

    def keep(self, row: dict[str, str]) -> None:
        """Commits a row."""
        with self.database.engine.begin() as connection:
            connection.execute(INSERT, row)

    def close(self) -> None:
        """Gives the connections back."""
        self.database.close()


class Call:
    """In place of a lane: a call for each ballot."""

    dead = False

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def cast(self, ballot: Any) -> bool:
        """Whether the service has committed it."""
        row = {name: getattr(ballot, name) for name in NAMES}
        return bool(self.caller.call("bench", "keep", row))

    def close(self) -> None:
        """Nothing is held."""


class Otherwise(BallotsInBatches):
    """The gateway's intake with something else in place of its lanes."""

    def __init__(self, given: BallotsInBatches, lane: Any) -> None:
        super().__init__(given.caller, given.make_sender, given.clock, given.patience_s)
        self.lane = lane

    def _lane_of(self, _known: Any) -> Any:
        return self.lane

    def close(self) -> None:
        """Gives back what the lane holds."""
        self.lane.close()


class Keeper:
    """The service that keeps a ballot a call."""

    name = "bench"
    rows: Insert

    @rpc
    def keep(self, request: dict[str, str]) -> dict[str, bool]:
        self.rows.keep(request)
        return {"ok": True}


def main(way: str) -> None:
    """Runs until SIGTERM."""
    logs.set_up("INFO")
    settings = Settings.from_env()
    if way == "service":
        Keeper.rows = Insert(settings)
        container = ServiceContainer(Keeper, nameko_config(settings))
        container.start()
        stop_signal().wait()
        container.stop()
        return
    caller = Caller(settings, keep=64)
    intake = ballots_in_batches(caller, settings)
    if way == "insert":
        intake = Otherwise(intake, Insert(settings))
    elif way == "rpc":
        intake = Otherwise(intake, Call(caller))
    mock.patch.object(server, "create_app", _with_empty_post).start()
    server.serve(settings, intake, stop_signal())
    intake.close()


def _with_empty_post(settings: Settings, caller: Any) -> Any:
    """The gateway that answers an empty POST as well: before Flask, as it answers a ballot."""
    app = create_app(settings, caller)
    behind, headers = app.wsgi_app, [*headers_of(settings).items(), ("Content-Length", "2")]

    def answer(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/api/v1/empty":
            return behind(environ, start_response)
        environ["wsgi.input"].read()
        start_response("200 OK", headers)
        return [b"{}"]

    app.wsgi_app = answer  # type: ignore[method-assign]
    return app


if __name__ == "__main__":
    main(*sys.argv[1:])
