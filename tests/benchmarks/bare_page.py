"""A bare Flask page on eventlet's server: what a page costs when there is nothing around it."""

from __future__ import annotations

import sys
from pathlib import Path

import eventlet

eventlet.monkey_patch()

import eventlet.wsgi  # noqa: E402 - after the patch
from flask import Flask, Response  # noqa: E402


def main(port: str, page: str) -> None:
    """Answers ``/`` with the bytes of a file until it is ended."""
    body = Path(page).read_bytes()
    app = Flask(__name__)
    app.add_url_rule("/", "page", lambda: Response(body, mimetype="text/html"))
    sock = eventlet.listen(("127.0.0.1", int(port)), backlog=1024)
    eventlet.wsgi.server(sock, app, log_output=False, debug=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
