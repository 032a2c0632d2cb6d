"""Reads a request from outside: bounded, JSON only, nothing in it that a database refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import request
from marshmallow import fields
from werkzeug.exceptions import UnsupportedMediaType

from gateway.languages import N_
from services.chassis.errors import Invalid, Refusal
from services.chassis.representation import ANY

BODY_MOST = 64 * 1024
DEPTH_MOST = 20
TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
TAGS = re.compile(rf"\s*{TAG.pattern}(\s*,\s*{TAG.pattern})*\s*")
KEY = re.compile(r"[\x21-\x7e]{1,128}")
NUMBER = re.compile(r"-?[0-9]{1,18}")
BAD_TEXT = re.compile("[\x00\ud800-\udfff]")


Takes = Mapping[str, fields.Field[Any]]


def read_request(takes: Takes, path: dict[str, str], filled: dict[str, str]) -> dict[str, Any]:
    """The request for a door that ``takes`` these fields: body (GET: query) and path's parts.

    ``filled`` are fields that the gateway itself fills in. Raises ``Invalid`` (422) where the
    sender names any of those, 400 for what is no JSON object, 415 for another media type.
    """
    given = _query(takes) if request.method in ("GET", "HEAD") else _body()
    taken = {**path, **filled}
    doubled = sorted(taken.keys() & given.keys())
    if doubled:
        raise Invalid(
            "request_invalid",
            N_("Some values of the request may not be given here."),
            errors={name: [N_("Given by the address or by the server.")] for name in doubled},
        )
    _check_texts({**given, **path})
    return {**given, **taken}


def idempotency_key() -> str | None:
    """The header ``Idempotency-Key``, if there is one. Raises ``Refusal`` (400) for a bad one."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise Refusal(
            "idempotency_key_invalid",
            N_("The header Idempotency-Key must have 1 to 128 visible ASCII characters."),
            status=400,
        )
    return key


def if_match() -> tuple[str, ...] | None:
    """The tags that the header ``If-Match`` names (RFC 9110 §13.1.1), or ``*`` alone; None where
    there is no such header.

    A weak tag matches nothing. Raises ``Refusal`` (400) for what is no list of tags.
    """
    given = request.headers.get("If-Match")
    if given is None:
        return None
    if given.strip() == ANY:
        return (ANY,)
    if not TAGS.fullmatch(given):
        raise Refusal(
            "if_match_malformed",
            N_("The header If-Match must hold entity tags, each in double quotes, or *."),
            N_("Send the ETag of the answer that you read, as it came."),
            400,
        )
    return tuple(tag for weak, tag in TAG.findall(given) if not weak)


def _query(takes: Takes) -> dict[str, Any]:
    doubled = [name for name, values in request.args.lists() if len(values) > 1]
    if doubled:
        raise Invalid(
            "request_invalid",
            N_("A parameter is given twice."),
            errors={name: [N_("Given twice.")] for name in doubled},
        )
    return {name: _typed(takes.get(name), text) for name, text in request.args.items()}


def _typed(field: fields.Field[Any] | None, text: str) -> Any:
    """A query holds texts only; a door's whole numbers are strict."""
    if isinstance(field, fields.Integer) and NUMBER.fullmatch(text):
        return int(text)
    return text


def _body() -> dict[str, Any]:
    raw = request.get_data()
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType()
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _malformed(N_("The body is not valid JSON.")) from error
    if not isinstance(body, dict):
        raise _malformed(N_("The body must be a JSON object."))
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _malformed(message: str) -> Refusal:
    return Refusal("body_malformed", message, status=400)


def _check_texts(value: Any, depth: int = 0) -> None:
    """Raises ``Invalid`` for zero bytes and lone surrogates, which no database can store."""
    if depth > DEPTH_MOST:
        raise _malformed(N_("The body is nested too deeply."))
    if isinstance(value, str) and BAD_TEXT.search(value):
        raise Invalid("text_invalid", N_("A text holds a character that can't be stored."))
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_texts(name, depth)
            _check_texts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner, depth + 1)
