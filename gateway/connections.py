"""The visitors' connections, which end without an answer lost when the gateway goes.

eventlet's own server shuts the connections that look idle in both directions. One whose request
has come but is not read yet looks idle too: the request would be carried out, and its answer
have no way back. Here the way back stays open.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import eventlet
from eventlet.wsgi import STATE_CLOSE, STATE_IDLE, HttpProtocol


class Connections(eventlet.GreenPool):  # type: ignore[misc]  # eventlet has no types
    """The pool that serves them, each as eventlet has it: an address, a socket and a state."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.leaving = False
        self._open: dict[int, list[Any]] = {}

    def spawn(self, serve: Any, connection: list[Any]) -> Any:
        """Serves a connection that was accepted."""
        self._open[id(connection)] = connection
        thread = super().spawn(serve, connection)
        thread.link(lambda _thread: self._open.pop(id(connection), None))
        return thread

    def leave(self) -> None:
        """Lets each connection end with the request that has come, or at once if none has."""
        self.leaving = True
        for connection in self._open.values():
            if connection[2] == STATE_IDLE:
                connection[2] = STATE_CLOSE
                with suppress(OSError):  # gone already
                    connection[1].shutdown(socket.SHUT_RD)

    def protocol(self, connection: list[Any], server: Any) -> HttpProtocol:
        """How a connection is served."""
        return Protocol(self, connection, server)


class Protocol(HttpProtocol):  # type: ignore[misc]  # eventlet has no types
    """HTTP as eventlet speaks it; who is answered while the gateway goes is told to hang up."""

    def __init__(self, connections: Connections, connection: list[Any], server: Any) -> None:
        self.connections = connections
        self._close = True
        super().__init__(connection, server)

    @property
    def close_connection(self) -> bool:
        """Whether this request is the connection's last."""
        return self._close or self.connections.leaving

    @close_connection.setter
    def close_connection(self, close: bool) -> None:
        self._close = bool(close)
