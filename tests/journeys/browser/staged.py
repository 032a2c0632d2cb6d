"""The services without a broker behind a gateway that a browser can visit.

For pages of which many states have to be seen: each is a copy of databases that were played
once, and nothing happens in them but what a test does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.gateway.crawl import Visitor, gateway_of
from tests.journeys.tour import Tour


class Stage:
    """A tour, and where its site is; somebody's name is their credential."""

    def __init__(self, tour: Tour, url: str) -> None:
        self.tour = tour
        self.url = url


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - as the base has it
        """Nothing: a test that fails has its own words."""


@contextmanager
def staged(tour: Tour, visitors: Iterable[Visitor]) -> Iterator[Stage]:
    """Serves the tour's site, one request after the other, until the end of the block."""
    app = gateway_of(tour.troupe, visitors)
    server = make_server("127.0.0.1", 0, app, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Stage(tour, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        tour.troupe.close()
