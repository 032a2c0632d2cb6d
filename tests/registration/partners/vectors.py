"""The test vectors of docs/relay-protocol.md.

``python -m tests.registration.partners.vectors`` writes ``docs/relay/vectors/``; the keys are
made of seeds that everybody knows, so that every signature can be made again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.registration.partners import bodies, keys, package
from services.registration.partners.canonical import MOST_DEPTH, canonical
from services.registration.partners.package import KINDS, MOST_BYTES, sign, signed_bytes
from tests.registration.partners.conversations import GAMMA_SEED, conversations
from tests.registration.partners.samples import ALPHA, BETA, BODIES, NOW, RELAY, STRANGER, sample

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "relay" / "vectors"
SEEDS = {
    "alpha": bytes(range(32)),
    "beta": bytes(range(32, 64)),
    "stranger": bytes(range(64, 96)),
    "gamma": GAMMA_SEED,
}


def keys_of() -> list[dict[str, Any]]:
    """Keys with their seeds, which no real key would show."""
    return [
        {
            "name": name,
            "seed_hex": seed.hex(),
            "public": keys.encode(keys.from_seed(seed).public),
            "key": keys.from_seed(seed).id,
        }
        for name, seed in SEEDS.items()
    ]


def forms() -> list[dict[str, Any]]:
    """JSON texts with their canonical form, or null where they have none."""
    written = {
        "order of UTF-16 units, not of code points": (
            '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}'
        ),
        "escapes": '"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/\\u007f\\u2028"',
        "spaces and nesting": ' { "b" : [ 1 , { } , [ ] , null ] , "a":{ "z" : true} } ',
        "integers": "[0,-0,-1,9007199254740991,-9007199254740991]",
        "no normalisation": '["\\u00e9","e\\u0301"]',
        "as deep as may be": "[" * MOST_DEPTH + "]" * MOST_DEPTH,
    }
    unreadable = {
        "deeper": "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1),
        "a name twice": '{"a":1,"a":1}',
        "a name twice, escaped": '{"a":1,"\\u0061":1}',
        "a fraction": "1.5",
        "a fraction that is none": "1.0",
        "an exponent": "1e2",
        "beyond 2^53 - 1": "9007199254740992",
        "not a number": "NaN",
        "half a surrogate pair": '"\\ud800"',
        "NUL": '"\\u0000"',
        "a comma too many": "[1,]",
        "a byte order mark": "\ufeff[]",
        "two values": "[][]",
    }
    made: list[dict[str, Any]] = [
        {"name": name, "text": text, "canonical": canonical(json.loads(text)).decode()}
        for name, text in written.items()
    ]
    made += [{"name": name, "text": text, "canonical": None} for name, text in unreadable.items()]
    return [*made, {"name": "not UTF-8", "text_hex": "22e922", "canonical": None}]


def packages() -> list[dict[str, Any]]:
    """One signed package of each kind, and what exactly was signed."""
    made = []
    for kind in KINDS:
        document = sign(sample(kind, id=f"{kind}-1"), ALPHA)
        made.append(
            {
                "name": kind,
                "document": document,
                "signed": signed_bytes(document).decode(),
                "signature": document["signature"],
                "digest": package.digest_of(document),
            }
        )
    return made


def _again(document: dict[str, Any]) -> dict[str, Any]:
    """A document of somebody who keeps to no schema, well signed all the same."""
    signature = keys.encode(ALPHA.sign(signed_bytes(document)))
    return {**document, "signature": signature}


def verdicts() -> list[dict[str, Any]]:
    """Messages that came to beta, when, with which keys known, and what is to be said of them."""
    return [
        {"name": name, "now": bodies.written(NOW), "keys": _known(), **case}
        for name, case in _cases()
    ]


def _known(**changed: Any) -> list[dict[str, Any]]:
    alpha = {"partner": "alpha", "public": keys.encode(ALPHA.public), "state": "active"}
    beta = {"partner": "beta", "public": keys.encode(BETA.public), "state": "active"}
    return [{**alpha, "until": None, **changed}, {**beta, "until": None}]


def _cases() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in KINDS:
        yield f"{kind}, well signed", _case("valid", sign(sample(kind), ALPHA))
    document = sign(sample(), ALPHA)
    shuffled = json.dumps(dict(reversed(document.items())), indent=1, ensure_ascii=True)
    yield "other order, spaces and escapes", _case("valid", shuffled)
    yield from _changed(document)
    yield from _of_keys(document)
    yield from _of_time()
    yield from _of_bodies(document)
    yield "a message of one byte too many", {"size": MOST_BYTES + 1, "verdict": "too_large"}
    yield "not JSON", _case("malformed", "baton.offer")
    yield "a list", _case("malformed", "[]")
    yield "a name twice", _case("malformed", json.dumps(document)[:-1] + ',"hop":2}')


def _changed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    signature = document["signature"]
    same_bytes = signature[:85] + chr(ord(signature[85]) + 1) + signature[86:]
    assert base64.b64decode(same_bytes) == base64.b64decode(signature)
    one_off = chr(ord(RELAY[0]) ^ 1) + RELAY[1:]
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("another version", "unknown_version", {"format": 2}),
        ("a version that is no number", "malformed", {"format": "1"}),
        ("a version that is false", "malformed", {"format": False}),
        ("for somebody else", "wrong_recipient", {"to": "gamma"}),
        ("of somebody unknown", "unknown_sender", {"from": "gamma"}),
        ("another term", "bad_signature", {"term": 2}),
        ("another body", "bad_signature", {"body": {**document["body"], "answer": "accepted"}}),
        ("one bit of the body", "bad_signature", {"body": {**document["body"], "relay": one_off}}),
        ("a field more", "malformed", {"note": ""}),
        ("a signature in other letters", "bad_signature", {"signature": same_bytes}),
        ("no signature", "malformed", {"signature": ""}),
        ("a time with an offset", "malformed", {"sent_at": "2026-11-26T09:00:00+01:00"}),
    ]
    for name, verdict, fields in changes:
        yield name, _case(verdict, {**document, **fields})
    yield "a field less", _case("malformed", {k: v for k, v in document.items() if k != "hop"})


def _of_keys(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    forged = sign(sample(), STRANGER)
    yield "a stranger's key", _case("unknown_key", forged)
    yield "a stranger's signature", _case("bad_signature", {**forged, "key": ALPHA.id})
    yield "another partner's key", _case("unknown_key", {**document, "key": BETA.id})
    revoked = _known(state="revoked")
    yield "a revoked key", {**_case("revoked_key", document), "keys": revoked}
    for name, verdict, until in [
        ("a key that was retired when it was sent", "retired_key", NOW - timedelta(seconds=1)),
        ("a key that was retired after it was sent", "valid", NOW + timedelta(seconds=1)),
        ("a key that was retired, nobody knows when", "retired_key", None),
    ]:
        retired = _known(state="retired", until=until and bodies.written(until))
        yield name, {**_case(verdict, document), "keys": retired}


def _of_time() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, verdict, off in [
        ("five minutes ahead", "valid", timedelta(minutes=5)),
        ("more than five minutes ahead", "time_off", timedelta(minutes=5, seconds=1)),
        ("sixty days old", "valid", -timedelta(days=60)),
        ("more than sixty days old", "time_off", -timedelta(days=60, seconds=1)),
    ]:
        yield name, _case(verdict, sign(sample(sent_at=NOW + off), ALPHA))


def _of_bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    secret = {**BODIES["leg.notice"]["legs"][0], "contact": "somebody@example.org"}
    notice = {**document, "kind": "leg.notice", "body": {**BODIES["leg.notice"], "legs": [secret]}}
    yield "a kind of another version", _case("unknown_kind", _again({**document, "kind": "x.y"}))
    yield "a body that says more", _case("malformed", _again(notice))
    yield "a body that says less", _case("malformed", _again({**document, "body": {}}))
    yield from _of_numbers(document)
    yield (
        "a grant of no term",
        _case("malformed", _again({**document, "kind": "baton.grant", "term": 0})),
    )


def _of_numbers(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Numbers that a database's integer does not hold, and the greatest that it does."""
    for name, verdict, round_ in [
        ("a round of nine digits", "valid", "999999999"),
        ("a round of ten digits", "malformed", "1000000000"),
        ("a round with a nought before it", "malformed", "01"),
    ]:
        body = {**document["body"], "relay": f"{RELAY.partition('.')[0]}.{round_}"}
        yield name, _case(verdict, _again({**document, "body": body}))
    leg = BODIES["leg.notice"]["legs"][0]
    for field in ("epoch", "version"):
        for verdict, number in (("valid", 2**31 - 1), ("malformed", 2**31)):
            body = {**BODIES["leg.notice"], "legs": [{**leg, field: number}]}
            changed = {**document, "kind": "leg.notice", "body": body}
            yield f"a notice of {field} {number}", _case(verdict, _again(changed))


def _case(verdict: str, message: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else canonical(message).decode()
    return {"message": text, "verdict": verdict}


def files() -> dict[Path, str]:
    """What belongs into ``docs/relay/vectors/``: path and content."""
    made: dict[str, Any] = {
        "keys": keys_of(),
        "canonical": forms(),
        "packages": packages(),
        "verdicts": verdicts(),
        "conversations": conversations(),
    }
    return {
        FOLDER / f"{name}.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        for name, content in made.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, content in files().items():
        path.write_text(content)
