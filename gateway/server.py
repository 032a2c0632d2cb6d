"""Serves the gateway from eventlet's own WSGI server, and stops without dropping anybody."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

import eventlet
import eventlet.wsgi
from greenlet import GreenletExit

from gateway.app import create_app
from gateway.asking import Caller
from gateway.connections import Connections
from services.chassis.config import Settings, SettingsError

CONNECTIONS = 2048
IDLE_S = 30
GRACE_S = 7  # longer than any answer takes, shorter than supervisors wait before they kill


def listen(settings: Settings) -> Any:
    """The listening socket. Raises ``SettingsError`` when it can't be had.

    Without ``reuse_port``: eventlet's default would let two gateways share a port silently.
    """
    address = (settings.gateway_host, settings.gateway_port)
    try:
        sock = eventlet.listen(address, backlog=1024, reuse_port=False)
    except OSError as error:
        raise SettingsError(_sentence(settings, error)) from error
    # Taken over by every connection. The head and the body of a longer page are two writes, and
    # the end of the second would wait up to 40 ms for the visitor to acknowledge the first.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return sock


def _sentence(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.gateway_port} is taken: stop what listens there,"
            " or set MARATHON_GATEWAY_PORT to another one."
        )
    return (
        f"{settings.gateway_host}:{settings.gateway_port} can't be listened on"
        f" ({error.strerror}): set MARATHON_GATEWAY_HOST and MARATHON_GATEWAY_PORT."
    )


def serve(
    settings: Settings,
    caller: Caller,
    stop: Any,
    ready: Callable[[], None] = lambda: None,
    sock: Any = None,
) -> None:
    """Answers until the event ``stop`` is sent, then finishes what it has begun and returns.

    Calls ``ready`` once it listens: on ``sock``, which it closes at the end, or one that it
    makes (``listen``). What is still unfinished ``GRACE_S`` seconds after the stop is given up.
    """
    sock = sock or listen(settings)
    app = create_app(settings, caller)
    connections = Connections(CONNECTIONS)
    server = eventlet.spawn(
        eventlet.wsgi.server,
        sock,
        app,
        custom_pool=connections,
        protocol=connections.protocol,
        socket_timeout=IDLE_S,
        log_output=False,
        debug=False,
    )
    ready()
    stop.wait()
    connections.leave()
    # Ends the accepting; the server itself then waits for the requests it is answering.
    server.kill()
    with eventlet.Timeout(GRACE_S, False), contextlib.suppress(GreenletExit):
        server.wait()
