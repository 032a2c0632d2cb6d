from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.partners.canonical import (
    MOST_DEPTH,
    MOST_INTEGER,
    NotCanonical,
    canonical,
    read,
)

TEXTS = st.text('ab"\\/\x01\x1f\x7f\n\u20ac\u2028\ufb33\uffff\U0001f600\U0010ffff', max_size=6)
INTEGERS = st.integers(-MOST_INTEGER, MOST_INTEGER)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_is_read_as_it_was_written_and_has_one_form(value: Any) -> None:
    written = canonical(value)
    assert read(written) == value
    assert canonical(read(written)) == written


@given(VALUES)
def test_the_form_does_not_depend_on_spaces_escapes_or_the_order_of_names(value: Any) -> None:
    elsewhere = json.dumps(_reversed(value), indent=3, ensure_ascii=True)
    assert canonical(read(elsewhere.encode())) == canonical(value)


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def test_names_are_in_the_order_of_utf_16_as_rfc_8785_has_it() -> None:
    # The example of RFC 8785 §3.2.3: code points would put the smiley after U+FB33.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = list(json.loads(canonical(dict.fromkeys(names, 0))))
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_texts_are_escaped_as_ecmascript_does() -> None:
    given_text = '€$\u000f\nA\'B"\\\\"/\u007f\u2028\b\t\f\r'
    expected = '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028\\b\\t\\f\\r"'
    assert canonical(given_text) == expected.encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a":1,"a":1}', "a name twice"),
        (b'{"a":{"b":1,"\\u0062":2}}', "a name twice"),
        (b"1.0", "not an integer"),
        (b"1e3", "not an integer"),
        (b"NaN", "not an integer"),
        (b"-Infinity", "not an integer"),
        (b"9007199254740992", "beyond"),
        (b"-9007199254740992", "beyond"),
        (b"1" * 500_000, "beyond"),
        (b"[" * 500_000, "deeper"),
        (b'{"a":' * 100_000, "deeper"),
        (b"[" * (MOST_DEPTH + 1) + b"]" * (MOST_DEPTH + 1), "deeper"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\\u0000"', "U+0000"),
        (b'{"a\\u0000":1}', "U+0000"),
        (b'"\xff"', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1}x', "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b'"\n"', "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_what_two_programs_may_read_differently_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(NotCanonical, match=reason.replace("+", r"\+")):
        read(raw)


def test_the_limits_themselves_are_read() -> None:
    assert read(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)
    assert read(b"[9007199254740991,-9007199254740991,-0]") == [MOST_INTEGER, -MOST_INTEGER, 0]
    assert read(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("value", [1.0, float("nan"), b"a", {1: 2}, {None: 1}, {1, 2}, object()])
def test_a_value_that_is_not_json_has_no_form(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_a_list_inside_itself_has_no_form() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NotCanonical, match="deeper"):
        canonical(endless)
