"""``marathon play``'s way to the API: lists come whole, page by page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.play.api import Api, Problem

ROWS = list(range(7))
PAGE = 3


class Instance(BaseHTTPRequestHandler):
    """Answers a list of numbers, three at a time; refuses an unknown cursor."""

    asked: list[str]

    def do_GET(self) -> None:
        """A page, and where the next one is."""
        type(self).asked.append(self.path)
        after = parse_qs(urlsplit(self.path).query).get("after", ["-1"])[0]
        if not after.lstrip("-").isdigit():
            self._answer(422, {"code": "cursor_invalid", "detail": "Non.", "hint": ""})
            return
        rest = [row for row in ROWS if row > int(after)]
        page = rest[:PAGE]
        more = {"Link": f'</api/v1/numbers?to=x&after={page[-1]}>; rel="next"'}
        self._answer(200, page, more if len(rest) > PAGE else {})

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(sent))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Instance.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Instance)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_list_comes_whole(url: str) -> None:
    assert Api(url, None, "test").get("/numbers", to="x") == ROWS
    assert Instance.asked == [
        "/api/v1/numbers?to=x",
        "/api/v1/numbers?to=x&after=2",
        "/api/v1/numbers?to=x&after=5",
    ]


def test_a_page_that_is_refused_is_a_problem(url: str) -> None:
    with pytest.raises(Problem) as refused:
        Api(url, None, "test").get("/numbers", after="nonsense")
    assert refused.value.code == "cursor_invalid"
