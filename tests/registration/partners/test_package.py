from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.partners import bodies, keys, package
from services.registration.partners.package import (
    MOST_BYTES,
    KeyState,
    Package,
    Rejected,
    canonical,
    keyring,
    open_document,
    parse,
    sign,
)
from tests.registration.partners import vectors
from tests.registration.partners.samples import (
    ALPHA,
    BETA,
    BODIES,
    NOW,
    STRANGER,
    TEMPLATES,
    ring,
    sample,
)


def opened(given_document: Any, **changed: Any) -> Package:
    return open_document(
        given_document, **{"me": "beta", "now": NOW, "find_key": ring(), **changed}
    )


def verdict(given_document: Any, **changed: Any) -> str:
    with pytest.raises(Rejected) as caught:
        opened(given_document, **changed)
    assert caught.value.verdict in package.VERDICTS
    assert caught.value.reason
    return caught.value.verdict


@pytest.mark.parametrize("kind", package.KINDS)
def test_a_signed_package_is_opened_as_bytes_and_as_a_document(kind: str) -> None:
    document = sign(sample(kind), ALPHA)
    assert opened(document) == sample(kind)
    assert opened(canonical(document)) == sample(kind)
    assert opened(json.dumps(document, indent=2, ensure_ascii=True).encode()) == sample(kind)


@given(st.randoms())
def test_the_order_of_the_fields_does_not_matter(chance: Any) -> None:
    names = list(sign(sample(), ALPHA).items())
    chance.shuffle(names)
    assert opened(json.dumps(dict(names)).encode()) == sample()


@given(st.sampled_from(package.KINDS), st.data())
def test_no_byte_can_be_changed(kind: str, data: Any) -> None:
    raw = bytearray(canonical(sign(sample(kind), ALPHA)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    assert verdict(bytes(raw)) in {
        *("malformed", "unknown_version", "wrong_recipient", "unknown_sender"),
        *("unknown_key", "bad_signature"),
    }


def test_every_bit_of_the_signature_counts() -> None:
    document = sign(sample(), ALPHA)
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    signature = document["signature"]
    assert len(signature.rstrip("=")) == 86
    others = [(at, "A" if signature[at] != "A" else "B") for at in range(85)]
    # Of the last digit four bits are nobody's.
    others += [(85, digit) for digit in digits if digit != signature[85]]
    for at, digit in others:
        changed = signature[:at] + digit + signature[at + 1 :]
        assert verdict({**document, "signature": changed}) == "bad_signature"


@pytest.mark.parametrize("value", [..., None, "", "x", 0, -1, True, [], {}, {"x": 1}])
@pytest.mark.parametrize("name", [*sign(sample(), ALPHA), "more"])
def test_no_field_can_be_left_out_put_in_or_be_another(name: str, value: Any) -> None:
    document = {**sign(sample(), ALPHA), name: value}
    if value is ...:
        document.pop(name)
        assert name == "more" or verdict(document)
    else:
        assert verdict(document)


@given(st.binary(max_size=300) | st.lists(st.none() | st.floats() | st.text("a\0\ud800é")))
def test_whatever_comes_is_refused_and_never_raises_otherwise(junk: Any) -> None:
    assert verdict(junk if isinstance(junk, bytes) else {"format": 1, "body": junk})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"format": 2}, "unknown_version"),
        ({"format": 0}, "unknown_version"),
        ({"format": "1"}, "malformed"),
        ({"format": True}, "malformed"),
        ({"to": "gamma"}, "wrong_recipient"),
        ({"from": "gamma"}, "unknown_sender"),
        ({"key": STRANGER.id}, "unknown_key"),
        ({"key": BETA.id}, "unknown_key"),
        ({"from": "beta", "key": BETA.id}, "bad_signature"),
        ({"hop": 3}, "bad_signature"),
        ({"hop": -1}, "malformed"),
        ({"hop": True}, "malformed"),
        ({"term": 2**31}, "malformed"),
        ({"cycle": "another"}, "bad_signature"),
        ({"cycle": "../etc"}, "malformed"),
        ({"id": ""}, "malformed"),
        ({"sent_at": "2026-11-26T08:00:00"}, "malformed"),
        ({"sent_at": "2026-11-26T08:00:00+01:00"}, "malformed"),
        ({"sent_at": "2026-13-26T08:00:00Z"}, "malformed"),
        ({"signature": "A" * 86 + "=="}, "bad_signature"),
        ({"signature": "é" * 88}, "bad_signature"),
        ({"body": {}}, "bad_signature"),
        ({"more": 1}, "malformed"),
    ],
)
def test_a_changed_package_has_the_verdict_of_what_is_wrong(
    changed: dict[str, Any], expected: str
) -> None:
    assert verdict({**sign(sample(), ALPHA), **changed}) == expected


def test_who_signs_with_another_key_is_not_believed() -> None:
    document = sign(sample(), STRANGER)
    assert verdict(document) == "unknown_key"
    assert verdict({**document, "key": ALPHA.id}) == "bad_signature"


def test_a_revoked_key_signs_nothing() -> None:
    assert verdict(sign(sample(), ALPHA), find_key=ring(alpha=("revoked", None))) == "revoked_key"


def test_a_retired_key_has_signed_what_was_sent_before() -> None:
    document = sign(sample(), ALPHA)
    assert opened(document, find_key=ring(alpha=("retired", NOW)))
    before = ring(alpha=("retired", NOW - timedelta(seconds=1)))
    assert verdict(document, find_key=before) == "retired_key"


@pytest.mark.parametrize(
    ("off", "taken"),
    [
        (timedelta(minutes=5), True),
        (timedelta(minutes=5, microseconds=1), False),
        (timedelta(days=-60), True),
        (timedelta(days=-60, microseconds=-1), False),
    ],
)
def test_the_time_may_be_off_a_little_and_the_way_long(off: timedelta, taken: bool) -> None:
    document = sign(sample(sent_at=NOW + off), ALPHA)
    if taken:
        assert opened(document).sent_at == NOW + off
    else:
        assert verdict(document) == "time_off"


def test_a_grant_in_a_chain_is_opened_whomever_and_whenever_it_was_sent_to() -> None:
    document = sign(sample("baton.grant", recipient="gamma", sent_at=NOW.replace(year=2024)), ALPHA)
    assert opened(document, me=None, now=None).recipient == "gamma"
    assert verdict(document, me=None) == "time_off"
    assert verdict(document, now=None) == "wrong_recipient"


def test_a_kind_that_is_not_known_has_its_verdict_only_if_it_is_signed() -> None:
    unsigned = {**sign(sample(), ALPHA), "kind": "baton.loan"}
    assert verdict(unsigned) == "bad_signature"
    assert verdict(_signed_anyhow(kind="baton.loan")) == "unknown_kind"


@pytest.mark.parametrize("kind", package.KINDS)
def test_a_body_has_all_its_fields_and_no_other(kind: str) -> None:
    body = BODIES[kind]
    for name in body:
        without = {other: value for other, value in body.items() if other != name}
        assert verdict(_signed_anyhow(kind=kind, body=without)) == "malformed"
    assert verdict(_signed_anyhow(kind=kind, body={**body, "votes": 3})) == "malformed"


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("baton.answer", {"answer": "perhaps"}),
        ("baton.answer", {"reason": "x" * 2001}),
        ("baton.withdraw", {"reason": "tired"}),
        ("baton.receipt", {"grant": None}),
        ("baton.offer", {"deadline": "tomorrow"}),
        ("baton.offer", {"deadline": "9999-12-31T23:59:59Z"}),
        ("baton.offer", {"leg": {**BODIES["baton.offer"]["leg"], "state": "running"}}),
        ("baton.offer", {"templates": {"settings": {"hold_days": 0, "voters": []}}}),
        ("baton.offer", {"templates": {"settings": {"elsewhere_may_vote": 1}}}),
        ("baton.offer", {"templates": {**TEMPLATES, "people": []}}),
        ("leg.notice", {"legs": [{**BODIES["leg.notice"]["legs"][0], "state": "draft"}]}),
        ("leg.notice", {"legs": [{**BODIES["leg.notice"]["legs"][0], "email": "a@example.org"}]}),
        ("leg.notice", {"legs": [{**BODIES["leg.notice"]["legs"][0], "epoch": 2**31}]}),
        ("leg.notice", {"legs": [{**BODIES["leg.notice"]["legs"][0], "version": 2**31}]}),
        ("leg.notice", {"asks": "a space"}),
        *(("baton.answer", {"relay": f"{'cd' * 16}.{number}"}) for number in ("10" * 5, "01", "")),
    ],
)
def test_a_body_says_nothing_else(kind: str, changed: dict[str, Any]) -> None:
    body = {**BODIES[kind], **changed}
    assert verdict(_signed_anyhow(kind=kind, body=body)) == "malformed"
    with pytest.raises(ValueError, match="malformed"):
        sign(sample(kind, body=body), ALPHA)


def test_only_a_notice_may_be_about_no_baton() -> None:
    assert opened(sign(sample("leg.notice", term=0, hop=0), ALPHA)).hop == 0
    assert verdict(_signed_anyhow(kind="baton.grant", hop=0)) == "malformed"


def test_a_reason_never_repeats_what_a_body_said() -> None:
    with pytest.raises(Rejected) as caught:
        opened(_signed_anyhow(kind="baton.answer", body={"answer": "secret@example.org"}))
    assert "secret" not in caught.value.reason


def test_what_is_too_large_is_not_even_read() -> None:
    raw = b'{"format":1,"body":"' + b"x" * MOST_BYTES + b'"}'
    assert verdict(raw) == "too_large"
    assert verdict(b"\xff" * (MOST_BYTES + 1)) == "too_large"
    assert verdict(b"\xff" * MOST_BYTES) == "malformed"


def test_too_large_a_package_is_not_signed() -> None:
    chain = [{"x": "y" * 10_000}] * 110
    body = {**BODIES["leg.notice"], "chain": chain}
    with pytest.raises(ValueError, match="too_large"):
        sign(sample("leg.notice", body=body), ALPHA)


def _known(entry: dict[str, Any]) -> tuple[str, list[KeyState]]:
    until = bodies.moment(entry["until"])
    public = keys.public_of(entry["public"])
    return entry["partner"], [KeyState(entry["state"], public, until)]


@pytest.mark.parametrize(
    "vector", [pytest.param(one, id=one["name"]) for one in vectors.verdicts()]
)
def test_a_message_has_the_verdict_of_the_vectors(vector: dict[str, Any]) -> None:
    raw = b" " * vector["size"] if "size" in vector else vector["message"].encode()
    find_key = keyring(dict(map(_known, vector["keys"])))
    found = {"now": bodies.moment(vector["now"]), "find_key": find_key}
    if vector["verdict"] == "valid":
        assert opened(raw, **found)
    else:
        assert verdict(raw, **found) == vector["verdict"]


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"1"])
def test_what_is_no_object_is_no_package(raw: bytes) -> None:
    assert verdict(raw) == "malformed"


def test_the_digest_is_of_what_is_signed() -> None:
    document = sign(sample(), ALPHA)
    again = parse(json.dumps(dict(reversed(document.items()))).encode())
    assert package.digest_of(again) == package.digest_of(document)
    assert package.digest_of({**document, "hop": 3}) != package.digest_of(document)


def _signed_anyhow(**changed: Any) -> dict[str, Any]:
    """What somebody signs who keeps to no schema."""
    document = {**sign(sample(), ALPHA), **changed}
    signature = ALPHA.sign(package.signed_bytes(document))
    return {**document, "signature": keys.encode(signature)}
