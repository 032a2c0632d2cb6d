"""A page's own number: by it an answer that was lost is given again, to that page and no other.

A key of what a voter shows alone (a link, a code) could be made by whoever knows that, and the
answer would tell them what was done with it: a paper code even for whom it voted.
"""

from __future__ import annotations

import hashlib
import secrets

from flask import request

FIELD = "attempt"


def attempt() -> str:
    """The number of the page that sent the present form, or a new one for a page that is opened."""
    return request.form.get(FIELD) or secrets.token_urlsafe(16)


def key_of(*parts: str) -> str | None:
    """The idempotency key of what the present form sends; it tells nothing of what it is made
    of. None for a form without a number, which is then carried out once like any other."""
    number = request.form.get(FIELD)
    return hashlib.sha256(repr((number, *parts)).encode()).hexdigest() if number else None
