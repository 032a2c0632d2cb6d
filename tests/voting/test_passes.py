"""Voter keys and passes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.chassis.errors import Refusal
from services.voting import passes

NOON = datetime(2026, 6, 20, 12, tzinfo=UTC)


def test_voter_key_is_the_hmac_of_the_person_key() -> None:
    expected = hmac.new(b"secret", b"person", hashlib.sha256).hexdigest()
    assert passes.voter_key("secret", "person") == expected
    assert passes.voter_key("another", "person") != expected


def test_pass_gives_its_voter_back() -> None:
    signed = passes.sign("secret", "poll", "voter", NOON)
    assert passes.verify("secret", "poll", signed) == "voter"


def forged(signed: str) -> str:
    body, _, signature = signed.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["voter"] = "somebody else"
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode() + "." + signature


@pytest.mark.parametrize(
    "spoil", [forged, lambda s: s[:-2], lambda s: s.split(".")[0], lambda s: "", lambda s: "é.é"]
)
def test_pass_that_was_changed_is_refused(spoil: Callable[[str], str]) -> None:
    signed = passes.sign("secret", "poll", "voter", NOON)
    with pytest.raises(Refusal) as refused:
        passes.verify("secret", "poll", spoil(signed))
    assert refused.value.code == "pass_invalid"


def test_pass_of_another_poll_or_secret_is_refused() -> None:
    signed = passes.sign("secret", "poll", "voter", NOON)
    for secret, poll in (("secret", "another"), ("another", "poll")):
        with pytest.raises(Refusal) as refused:
            passes.verify(secret, poll, signed)
        assert refused.value.code == "pass_invalid"
