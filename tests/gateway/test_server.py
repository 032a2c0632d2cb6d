"""The server: answers over a real socket, and finishes what it has begun when told to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import eventlet
import pytest
from eventlet.event import Event

from gateway import server
from services.chassis.config import SettingsError
from tests.gateway.stage import StandIn, settings
from tests.instance import free_port

requests: Any = eventlet.import_patched("http.client")


def serving(folder: Path, caller: StandIn) -> tuple[int, Event, Any]:
    """A gateway that serves: its port, its stop, its green thread."""
    stop, ready = Event(), Event()
    port = free_port()
    chosen = settings(folder, gateway_port=port)
    thread = eventlet.spawn(server.serve, chosen, caller, stop, lambda: ready.send(None))
    with eventlet.Timeout(5):
        ready.wait()
    return port, stop, thread


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of an address."""
    connection = requests.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def slow(_request: object) -> list[object]:
    """An answer that takes a while."""
    eventlet.sleep(0.5)
    return []


def test_server_answers_and_finishes_what_it_began(tmp_path: Path) -> None:
    caller = StandIn()
    caller.answers["registration.list_cycles"] = slow
    port, stop, thread = serving(tmp_path, caller)
    with eventlet.Timeout(10):
        begun = eventlet.spawn(get, port, "/api/v1/cycles")
        eventlet.sleep(0.2)
        stop.send(None)
        assert begun.wait() == (200, "[]")
        thread.wait()
        with pytest.raises(OSError):
            get(port, "/healthz")


def test_server_on_a_taken_port_says_so(tmp_path: Path) -> None:
    port, stop, thread = serving(tmp_path, StandIn())
    with pytest.raises(SettingsError, match=f"Port {port} is taken"):
        server.listen(settings(tmp_path, gateway_port=port))
    stop.send(None)
    thread.wait()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_server_on_a_host_that_is_not_here_says_so(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match=f"{host}:80 can't be listened on"):
        server.listen(settings(tmp_path, gateway_host=host, gateway_port=80))


def test_server_gives_up_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE_S", 0.3)
    caller = StandIn()
    hang: Callable[[object], object] = lambda _request: eventlet.sleep(3)  # noqa: E731
    caller.answers["registration.list_cycles"] = hang
    port, stop, thread = serving(tmp_path, caller)
    with eventlet.Timeout(2):
        eventlet.spawn(get, port, "/api/v1/cycles")
        eventlet.sleep(0.2)
        stop.send(None)
        thread.wait()


def test_server_that_goes_answers_what_has_come(tmp_path: Path) -> None:
    """A request that lies unread in the socket when the stop comes has its answer, and the visitor
    is told that it was the last."""
    port, stop, thread = serving(tmp_path, StandIn())
    with eventlet.Timeout(10):
        idle = requests.HTTPConnection("127.0.0.1", port, timeout=10)
        idle.connect()
        kept = requests.HTTPConnection("127.0.0.1", port, timeout=10)
        kept.request("GET", "/healthz")
        first = kept.getresponse()
        assert (first.status, first.getheader("Connection")) == (200, None)
        first.read()
        # Sent and stopped without a turn for the server between: here is a reader's turn, in
        # which a timer's, as the stop is, comes before another reader's.
        kept.sock.fd.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        stop.send(None)
        thread.wait()
        answer = kept.sock.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert b"Connection: close" in answer
        assert idle.sock.recv(4096) == b""
