"""Files out of the storage: streamed, never held whole, never by way of a service."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response
from werkzeug.http import dump_options_header

from gateway.api import conditions
from gateway.asking import parts
from gateway.languages import N_
from services.chassis.errors import Refusal


def answer(reference: Mapping[str, str], media_type: str) -> Response:
    """The file that a service refers to, for a browser to save; its digest is its tag.

    Raises ``Refusal("file_away")`` (503) where the storage can't be reached or has it no more.
    """
    try:
        size = parts().storage.size(reference["key"])
    except OSError as error:
        raise _away() from error
    if size is None:
        raise _away()
    # Opened by the first who reads of it: an answer to HEAD, or a 304, has no body.
    response = Response(parts().storage.read(reference["key"]), mimetype=media_type)
    response.content_length = size
    disposition = dump_options_header("attachment", {"filename": reference["name"]})
    response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, Cookie"
    return conditions.answer(response, reference["digest"])


def _away() -> Refusal:
    return Refusal(
        "file_away",
        N_("This file can't be had at the moment."),
        N_("Try again later; if it lasts, tell the operator."),
        503,
    )
