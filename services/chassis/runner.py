"""Runs services in this process: waits for what they need, stops when told, loses nothing.

``eventlet.monkey_patch()`` must have run before anything else was imported: that is the first
thing the operator's command does for ``marathon run``.
"""

from __future__ import annotations

import gc
import importlib
import signal
import socket
from collections.abc import Sequence
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from nameko.containers import ServiceContainer
from nameko.utils.concurrency import SpawningProxy

from services.chassis import health
from services.chassis.calls import nameko_config
from services.chassis.clock import Clock
from services.chassis.config import Settings
from services.chassis.core import Core
from services.chassis.database import Database
from services.chassis.topology import messages_of

log = structlog.get_logger()


def service_class(name: str) -> Any:
    """The class of a service, by name: the chassis itself imports no service."""
    module = importlib.import_module(f"services.{name}.service")
    return next(
        item
        for item in vars(module).values()
        if isinstance(item, type) and getattr(item, "name", None) == name
    )


def make_core(name: str, settings: Settings, clock: Clock | None = None) -> Core:
    """A service's core with its own database."""
    database = Database(settings.database_url_of(name), settings)
    return Core(name, messages_of(name), settings, database, clock)


class Company:
    """Services that run together in this process."""

    def __init__(self, names: Sequence[str], settings: Settings) -> None:
        self.settings = settings
        self.cores = {name: make_core(name, settings) for name in names}
        config = {**nameko_config(settings), "cores": self.cores}
        self.containers = [ServiceContainer(service_class(name), config) for name in names]

    def start(self) -> None:
        """Starts all services; returns once they listen."""
        SpawningProxy(self.containers).start()

    def stop(self) -> None:
        """Takes nothing more, finishes, acknowledges, leaves."""
        SpawningProxy(self.containers).stop()
        for core in self.cores.values():
            core.database.close()

    def report_death(self, stopping: Any) -> None:
        """Sends ``stopping`` what a service died of, when one dies."""

        def watch(container: Any) -> None:
            try:
                container.wait()
                outcome = None
            except Exception as error:
                log.critical("service_died", service=container.service_name, error=repr(error))
                outcome = error
            if not stopping.ready():
                stopping.send(outcome)

        for container in self.containers:
            eventlet.spawn(watch, container)


def run_service(name: str, settings: Settings) -> None:
    """Runs one service until SIGTERM or SIGINT."""
    run_services([name], settings)


def run_services(names: Sequence[str], settings: Settings) -> None:
    """Runs services until SIGTERM or SIGINT; raises what one of them died of."""
    stopping = stop_signal()
    company = Company(names, settings)
    if settings.health_port:
        health.serve(list(company.cores.values()), settings.health_port)
    wait_for_parts(list(company.cores.values()), stopping)
    if stopping.ready():
        return
    company.start()
    keep_what_is_there()
    log.info("started", services=list(names), instance=settings.instance)
    company.report_death(stopping)
    outcome = stopping.wait()
    company.stop()
    log.info("stopped", services=list(names))
    if outcome is not None:
        raise outcome


def keep_what_is_there() -> None:
    """To be called once all is made that stays: the collector never looks at it again.

    It spares the copies of a fork, and a gateway a pause for everybody (200 ms of a hundred
    megabytes) whenever the collector would go through all.
    """
    gc.collect()
    gc.freeze()


def wait_for_parts(cores: Sequence[Core], stopping: Any) -> None:
    """Waits for databases, migrations and broker, and says what for."""
    said: list[str] = []
    while not stopping.ready():
        problems = health.readiness(list(cores))
        if not problems:
            return
        if problems != said:
            log.warning("waiting", problems=problems)
            said = problems
        eventlet.sleep(0.5)


def stop_signal() -> Any:
    """An event that SIGTERM and SIGINT send."""
    stopping = Event()
    # A hub that sleeps looks at sockets, not at what a handler would leave for it to find.
    heard, told = socket.socketpair()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        while heard.recv(1):
            if not stopping.ready():
                stopping.send(None)

    eventlet.spawn(listen)
    stopping.told = told  # lives as long as somebody may be told
    return stopping
