"""A wire between a client and a server that a test can hold, cut and mend."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards a local port to ``url``'s host and port; ``held`` stops the server's answers."""

    def __init__(self, url: str) -> None:
        self.target = urlsplit(url)
        self.answers = threading.Event()
        self.answers.set()
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
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

    def cut(self) -> None:
        """Breaks every connection there is."""
        for end in self.sockets:
            with suppress(OSError):  # it may be closed by its owner already
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.sockets = []

    def close(self) -> None:
        """Takes the wire away."""
        self.listener.close()
        self.cut()
        self.release()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection((self.target.hostname, self.target.port or 5672))
            self.sockets += [client, server]
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers:
                    self.answers.wait()
                target.sendall(data)
        except OSError:
            pass  # one of the two ends is gone: so is this wire
