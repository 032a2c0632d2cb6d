"""Asks a service's door on its database, without a broker: as the operator of this machine."""

from __future__ import annotations

import warnings
from typing import Any

import click


def ask(service: str, door: str, request: dict[str, Any]) -> Any:
    """What a door answers. Raises :class:`Refusal`, ``ClickException`` without its tables.

    What the command says waits in the outbox: the service publishes it when it runs.
    """
    # At every import it says that it is to be retired; docs/adr says what we do about it.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    from services.chassis import logs, schema_version
    from services.chassis.actor import Actor
    from services.chassis.config import Settings
    from services.chassis.core import Call
    from services.chassis.doors import Office
    from services.chassis.errors import Refusal
    from services.chassis.runner import make_core, service_class

    # What goes wrong is told on the command line; a traceback would show what was asked.
    logs.set_up("CRITICAL")
    core = make_core(service, Settings.from_env())
    try:
        if not schema_version.is_at_head(service, core.database):
            raise click.ClickException("The database lacks tables: run marathon migrate first.")
        desk = service_class(service)()
        desk.chassis = Office(core, Call(Actor.system()))
        answer = getattr(desk, door)(request)
    finally:
        core.database.close()
    if "problem" in answer:
        raise Refusal.from_problem(answer["problem"])
    return answer["ok"]
