"""JSON in its one canonical form, and read strictly: what is signed is these bytes.

The form is RFC 8785 (JCS) without fractional numbers, which programs write in too many ways.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

MOST_DEPTH = 32
"""How many objects and lists may be inside each other."""

MOST_INTEGER = 2**53 - 1
"""The greatest integer that every implementation of JSON reads exactly (RFC 7493)."""

INTEGER_DIGITS = len(str(MOST_INTEGER))


class NotCanonical(ValueError):
    """A value that has no canonical form, or a text that is not JSON; says which."""


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value, UTF-8. Raises :class:`NotCanonical`."""
    text = json.dumps(
        _ordered(value, 1), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode("utf-8")


def read(raw: bytes) -> Any:
    """The value of a JSON text that everybody reads alike. Raises :class:`NotCanonical`.

    Refused: what is not UTF-8 or has a byte order mark, a name twice in one object, numbers
    with a fraction or an exponent or beyond 2⁵³ − 1, and what :func:`canonical` refuses.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except UnicodeDecodeError:
        raise NotCanonical("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotCanonical(f"not JSON: {error.msg} at {error.pos}") from None
    except RecursionError:
        raise NotCanonical(f"deeper than {MOST_DEPTH}") from None
    return _ordered(value, 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("a name twice in one object")
    return found


def _integer(digits: str) -> int:
    # Before it is computed: the time that takes grows with the square of the length.
    if len(digits.lstrip("-")) > INTEGER_DIGITS:
        raise NotCanonical("an integer beyond 2^53 - 1")
    return int(digits)


def _refuse_number(_text: str) -> NoReturn:
    raise NotCanonical("a number that is not an integer")


def _ordered(value: Any, depth: int) -> Any:
    """The value with the names of each object in the order of their UTF-16 units."""
    if isinstance(value, (dict, list, tuple)):
        if depth > MOST_DEPTH:
            raise NotCanonical(f"deeper than {MOST_DEPTH}")
        if not isinstance(value, dict):
            return [_ordered(item, depth + 1) for item in value]
        names = sorted((_checked(name) for name in value), key=_units)
        return {name: _ordered(value[name], depth + 1) for name in names}
    return _scalar(value)


def _units(name: str) -> bytes:
    return name.encode("utf-16-be")


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > MOST_INTEGER:
            raise NotCanonical("an integer beyond 2^53 - 1")
        return int(value)
    return _checked(value)


def _checked(text: Any) -> str:
    if not isinstance(text, str):
        raise NotCanonical(f"{type(text).__name__} has no canonical form")
    # PostgreSQL stores no NUL, and half a character of UTF-16 has no UTF-8.
    if "\0" in text:
        raise NotCanonical("a text with U+0000")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("a text with half a surrogate pair") from None
    return str(text)
