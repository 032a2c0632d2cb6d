"""A wire between clients and a server that a test can hold, silence, slow, cut and mend."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

DEFAULT_PORTS = {"pyamqp": 5672, "amqp": 5672, "postgresql": 5432, "postgresql+psycopg2": 5432}


class Proxy:
    """Forwards a local port to ``url``'s host and port.

    ``hold`` stops the server's answers alone, ``silence`` both directions while connections
    seem fine (as a network does that drops every packet), ``slow`` lets all wait, ``cut`` breaks
    what there is and, lasting, refuses what is new; ``mend`` undoes all of it.
    """

    def __init__(self, url: str) -> None:
        self.target = urlsplit(url)
        self.answers, self.requests = threading.Event(), threading.Event()
        self.delay_s = 0.0
        self.is_cut = False
        self.mend()
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The same address through this wire."""
        user = self.target.netloc.rpartition("@")[0]
        place = f"{user}@127.0.0.1:{self.port}" if user else f"127.0.0.1:{self.port}"
        return urlunsplit(self.target._replace(netloc=place))

    def hold(self) -> None:
        """From now on the server's answers wait."""
        self.answers.clear()

    def release(self) -> None:
        """Lets the answers through, also those that waited."""
        self.answers.set()

    def silence(self) -> None:
        """Takes everything, connections too, and hands nothing on."""
        self.answers.clear()
        self.requests.clear()

    def slow(self, seconds: float) -> None:
        """Lets each piece wait on its way, in both directions."""
        self.delay_s = seconds

    def cut(self, lasting: bool = False) -> None:
        """Breaks every connection there is; lasting, also each new one until ``mend``."""
        self.is_cut = lasting
        for end in self.sockets:
            with suppress(OSError):  # it may be closed by its owner already
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.sockets = []

    def mend(self) -> None:
        """A wire as any other again; what waited goes through."""
        self.is_cut, self.delay_s = False, 0.0
        self.answers.set()
        self.requests.set()

    def close(self) -> None:
        """Takes the wire away."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who accepts
        self.listener.close()
        self.cut(lasting=True)
        self.answers.set()
        self.requests.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        port = self.target.port or DEFAULT_PORTS[self.target.scheme]
        try:
            if self.is_cut:
                raise ConnectionRefusedError
            server = socket.create_connection((str(self.target.hostname), port))
        except OSError:  # the server may be away: so it is for the client
            client.close()
            return
        self.sockets = [end for end in self.sockets if end.fileno() >= 0] + [client, server]
        for source, target, gate in (
            (client, server, self.requests),
            (server, client, self.answers),
        ):
            threading.Thread(target=self._pump, args=(source, target, gate), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, gate: threading.Event) -> None:
        try:
            while data := source.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                gate.wait()
                target.sendall(data)
        except OSError:
            pass  # one of the two ends is gone: so is this wire
        finally:
            # Of a wire that is silent neither end learns that the other has gone.
            gate.wait()
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
