"""Pages with a secret in them or in their address: kept by nobody, told to nobody."""

from __future__ import annotations

from flask import Response, make_response

# Tells this site's name but no path. With "no-referrer" browsers would also hide the origin of
# the form's own command, which is then refused as another site's.
REFERRER = "strict-origin"


def private(page: str, status: int = 200) -> Response:
    """The page with the headers that keep its secret."""
    response = make_response(page, status)
    response.headers["Referrer-Policy"] = REFERRER
    response.headers["Cache-Control"] = "no-store"
    return response
