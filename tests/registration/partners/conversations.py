"""Conversations for docs/relay/vectors: what beta says of packages that build on one another.

Alpha operates the first leg, beta the second and the fourth, gamma the third; gamma is the joint
body too. Every conversation begins with the cycle just opened at beta.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from services.registration.partners import bodies, handing, keys
from services.registration.partners.canonical import canonical
from services.registration.partners.package import sign
from tests.registration.partners.samples import ALPHA, BETA, BODIES, DIGEST, LEG, LINK, NOW, sample
from tests.registration.partners.stage import cycle_file

CYCLE = "valley"
GAMMA_SEED = bytes(range(96, 128))
GAMMA = keys.from_seed(GAMMA_SEED)
KEYS = {"alpha": ALPHA, "beta": BETA, "gamma": GAMMA}
OPERATORS = ("alpha", "beta", "gamma", "beta")

Place = tuple[int, int]
"""Term and hop."""

Document = dict[str, Any]
Step = tuple[Document, str]
"""A package, and what beta says of it."""


def shared_file() -> Document:
    """The cycle file that all three have opened."""
    file = cycle_file(OPERATORS, "gamma", KEYS.__getitem__)
    return {**file, "cycle": CYCLE, "title": "Une vallée, quatre étapes"}


def conversations() -> dict[str, Any]:
    """The file: what all conversations share, and each with its packages in their order."""
    return {
        "now": bodies.written(NOW),
        "recipient": "beta",
        "cycle_file": shared_file(),
        "conversations": [
            {"name": name, "steps": [_step(*step) for step in steps], "grants": grants}
            for name, steps, grants in _all()
        ],
    }


def _step(document: Document, verdict: str, via: str | None = None) -> Document:
    """A package with the partner on whose channel it comes: its sender, if nothing else is said."""
    return {
        "message": canonical(document).decode(),
        "channel": via or document["from"],
        "verdict": verdict,
    }


FIRST = [1, 1, "valley-1"]
TO_BETA = [1, 2, "valley-2"]


def _all() -> Iterator[tuple[str, list[Any], list[list[Any]]]]:
    """(name, packages with verdicts, the grants that beta knows then)."""
    yield from _of_offers()
    yield from _of_grants()
    yield from _of_terms()


def _of_offers() -> Iterator[tuple[str, list[Any], list[list[Any]]]]:
    offer = _offer("o1", (1, 2), 1, 2)
    later: dict[str, Any] = {"deadline": bodies.written(NOW + timedelta(days=3))}
    yield (
        "an offer comes twice; its id is used again for another",
        [
            (offer, "accepted"),
            (offer, "repeated"),
            (_offer("o1", (1, 2), 1, 2, **later), "same_id_other_content"),
        ],
        [FIRST],
    )
    yield (
        "an offer by another partner's channel",
        [(offer, "wrong_channel", "gamma"), (offer, "accepted")],
        [FIRST],
    )
    elsewhere = _signed("baton.offer", "o1", (1, 2), "alpha", offer["body"], cycle="mountain")
    yield "a cycle that is not open here", [(elsewhere, "unknown_cycle")], [FIRST]
    second = _offer("o2", (1, 2), 1, 2, round_=2)
    yield (
        "the rounds of an offer come the wrong way round",
        [(second, "accepted"), (offer, "superseded")],
        [FIRST],
    )
    digestless = {**LEG, "palmares_digest": None}
    yield (
        "offers that nobody may make",
        [
            (_offer("o1", (1, 2), 1, 2, leg=digestless), "leg_not_closed"),
            (_offer("o2", (1, 2), 1, 3), "not_for_us"),
            (_offer("o3", (1, 2), 3, 2), "not_the_holder"),
            (_offer("o4", (1, 2), 1, 4, relay=offer["body"]["relay"]), "not_allowed"),
            (_offer("o5", (1, 2), 1, 9), "not_allowed"),
            (_offer("o6", (1, 2), 3, 2, sender="alpha"), "not_allowed"),
        ],
        [FIRST],
    )
    passed = _grant("g1", (1, 2), 1, 3, "gamma")
    early = _offer("o1", (1, 3), 3, 4)
    yield (
        "an offer before the grant that it builds on, which a notice brings",
        [
            (early, "early"),
            (_notice("n1", (1, 2), "gamma", passed), "accepted"),
            (early, "accepted"),
        ],
        [FIRST, [1, 2, "valley-3"]],
    )
    yield (
        "what was said of an offer that is not here",
        [
            (_withdraw("w1", (1, 2), offer["body"]["relay"]), "accepted"),
            (offer, "accepted"),
        ],
        [FIRST],
    )


def _of_grants() -> Iterator[tuple[str, list[Any], list[list[Any]]]]:
    grant = _grant("g1", (1, 2), 1, 2)
    yield (
        "a grant before its offer, and its offer afterwards",
        [(grant, "accepted"), (grant, "repeated"), (_offer("o1", (1, 2), 1, 2), "accepted")],
        [FIRST, TO_BETA],
    )
    yield (
        "an offer is withdrawn after its grant came, which stands",
        [
            (_offer("o1", (1, 2), 1, 2), "accepted"),
            (grant, "accepted"),
            (_withdraw("w1", (1, 2), grant["body"]["relay"]), "accepted"),
        ],
        [FIRST, TO_BETA],
    )
    yield (
        "a hop is granted twice, and offered once more",
        [
            (grant, "accepted"),
            (_grant("g2", (1, 2), 1, 4), "double_grant"),
            (_offer("o1", (1, 2), 1, 4), "taken"),
        ],
        [FIRST, TO_BETA],
    )
    yield (
        "grants that nobody may give",
        [
            (_grant("g1", (1, 2), 1, 2, leg=None), "leg_not_closed"),
            (_grant("g2", (1, 2), 1, 2, leg={**LEG, "palmares_digest": None}), "leg_not_closed"),
            (_grant("g3", (1, 2), 3, 2, sender="gamma"), "not_the_holder"),
            (_grant("g4", (1, 2), 1, 2, sender="gamma"), "not_the_holder"),
            (_grant("g5", (1, 2), 1, 2, previous="g0"), "not_the_holder"),
            (_grant("g6", (1, 1), 3, 2, sender="gamma"), "not_the_holder"),
            (_grant("g7", (1, 3), 3, 4, sender="gamma"), "early"),
            (_grant("g8", (1, 2), 1, 3), "not_for_us"),
            (_grant("g9", (1, 2), 1, 2, chain=2), "not_allowed"),
        ],
        [FIRST],
    )
    going_on = {**BODIES["leg.notice"]["legs"][0], "state": "running", "closed_at": None}
    going_on = {**going_on, "palmares": None}
    word = _notice("n1", (1, 1), "alpha", legs=[going_on], later=1)
    yield (
        "a leg goes on by its operator's later word",
        [(word, "accepted"), (grant, "leg_not_closed")],
        [FIRST],
    )


def _of_terms() -> Iterator[tuple[str, list[Any], list[list[Any]]]]:
    why: dict[str, Any] = {
        "reason": "Fumel ne répond plus.",
        "leg": None,
        "relay": None,
        "previous": None,
    }
    raised = _grant("g1", (2, 2), 1, 2, sender="gamma", **why)
    yield (
        "the joint body raises the term",
        [
            (_grant("g0", (2, 2), 1, 2, **why), "not_allowed"),
            (_grant("g1", (1, 2), 1, 2, sender="gamma", **why), "not_allowed"),
            (raised, "accepted"),
            (_offer("o1", (1, 2), 1, 4), "superseded"),
            (_grant("g2", (1, 2), 1, 4), "superseded"),
            (_grant("g3", (2, 3), 1, 4, sender="gamma", **why), "double_grant"),
        ],
        [FIRST, [2, 2, "valley-2"]],
    )


# --- packages -----------------------------------------------------------------------------


def _signed(
    kind: str, name: str, at: Place, sender: str, body: Document, later: int = 0, **changed: Any
) -> Document:
    fields = {"id": name, "cycle": CYCLE, "term": at[0], "hop": at[1], "body": body}
    sent_at = NOW + timedelta(seconds=later)
    return sign(sample(kind, sender=sender, sent_at=sent_at, **{**fields, **changed}), KEYS[sender])


def _marathon(leg: int) -> str:
    return f"{CYCLE}-{leg}"


def _over(leg: int) -> Document:
    return {**LEG, "marathon": _marathon(leg), "leg": leg}


def _way(at: Place, source: int, to: int, round_: int = 1) -> Document:
    name = handing.relay_id(CYCLE, *at, _marathon(to))
    way = {"from_marathon": _marathon(source), "to_marathon": _marathon(to)}
    return {**way, "relay": f"{name}.{round_}", "leg": _over(source)}


def _operator(leg: int) -> str:
    return OPERATORS[leg - 1]


def _offer(
    name: str, at: Place, source: int, to: int, round_: int = 1, sender: str = "", **changed: Any
) -> Document:
    body = {**BODIES["baton.offer"], **_way(at, source, to, round_), **changed}
    return _signed("baton.offer", name, at, sender or _operator(source), body)


def _grant(
    name: str,
    at: Place,
    source: int,
    to: int,
    recipient: str = "beta",
    sender: str = "",
    chain: int = -1,
    **changed: Any,
) -> Document:
    many = at[1] - 1 if chain < 0 else chain
    links = [{**LINK, "hop": hop} for hop in range(1, many + 1)]
    baton = {**BODIES["baton.grant"]["baton"], "leg": source, "palmares_digest": DIGEST}
    body = {**BODIES["baton.grant"], **_way(at, source, to), "baton": {**baton, "chain": links}}
    sender = sender or _operator(source)
    return _signed("baton.grant", name, at, sender, {**body, **changed}, recipient=recipient)


def _withdraw(name: str, at: Place, relay: str) -> Document:
    return _signed("baton.withdraw", name, at, "alpha", {"relay": relay, "reason": "expired"})


def _notice(
    name: str, at: Place, sender: str, *chain: Document, legs: Any = (), later: int = 0
) -> Document:
    body = {"legs": list(legs), "chain": list(chain), "asks": None, "answers": None}
    return _signed("leg.notice", name, at, sender, body, later)
