"""Asking for a ballot by mail, and exchanging the mailed proof for a pass (DESIGN §6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from services.chassis import limiter, proofs
from services.chassis.errors import Refusal
from services.chassis.letters import Letters
from services.chassis.people import canonical_email
from services.chassis.work import Work
from services.voting import (
    admission,
    candidates,
    confirmations,
    eligibility,
    passes,
    polls,
    selection,
)
from services.voting.rules import RULES
from services.voting.tables import Poll

LETTERS = Letters(Path(__file__).with_name("data") / "letters")


def request(
    work: Work, poll: str, email: str, commune: str, project: str, ip: str, language: str
) -> dict[str, Any]:
    """Mails a link and a code to ``email``; the answer is the same for every address (S2).

    Raises what :func:`admission.open_poll` raises, ``Refusal`` "project_not_votable",
    "elsewhere_may_not_vote", "slow_down", and ``Invalid`` "email_invalid", "commune_unknown".
    """
    address = canonical_email(email)
    found = admission.open_poll(work, poll)
    candidates.must_stand(work, found, project)
    eligibility.must_live_here(found, commune)
    _slow_down(work, ip)
    if limiter.allow(work, "ballot_mail", address, RULES.mails_per_hour, 3600):
        _send(work, found, email, language, confirmations.ask(work, found, email, project))
    return {"poll": found.id, "minutes": RULES.link_minutes}


def look_at(work: Work, poll: str, token: str) -> dict[str, Any]:
    """What a mailed link would vote for, so that a page can ask whether it shall; changes
    nothing. Raises what :func:`exchange` raises."""
    found = admission.open_poll(work, poll)
    project = confirmations.look_at(work, found, token)["project"]
    title = next(
        (each["title"] for each in candidates.standing(work, found) if each["id"] == project), None
    )
    return {"poll": found.id, "project": project if title else None, "title": title}


def exchange(
    work: Work,
    poll: str,
    token: str | None = None,
    email: str | None = None,
    code: str | None = None,
) -> dict[str, Any]:
    """A pass for who proved an address; good until the poll closes.

    Raises what :func:`admission.open_poll` and ``proofs`` raise, and ``Forbidden`` for those
    the marathon's settings keep out.
    """
    found = admission.open_poll(work, poll)
    proof = confirmations.confirm(work, found, token, email, code)
    secret = polls.secret_of(work, found)
    voter = passes.voter_key(secret, proof["person"])
    eligibility.must_be_allowed(work, found, secret, voter)
    closes_at = found.closes_at or work.now
    return {
        "pass_": passes.sign(
            secret, found.id, voter, closes_at, selection.domain_of(proof["email"])
        ),
        "expires_at": closes_at,
    }


def _slow_down(work: Work, ip: str) -> None:
    # A village or a town hall shares one address: it waits a moment, it is never banned.
    if ip and not limiter.allow(work, "ballot_ip", ip, RULES.requests_per_minute, 60):
        raise Refusal(
            "slow_down",
            "Beaucoup de demandes arrivent en ce moment de votre réseau.",
            "Réessayez dans une minute.",
            429,
            retry_after=60,
        )


def _send(work: Work, poll: Poll, email: str, language: str, proof: proofs.Proof) -> None:
    marathon = work.copy("marathon", poll.marathon)
    query = urlencode({"poll": poll.id, "token": proof.token})
    letter = LETTERS.write(
        "ballot",
        language,
        work.settings.public_url,
        title=marathon["title"] if marathon else "",
        link=f"{work.settings.public_url}/vote/confirm?{query}",
        code=proof.code,
        minutes=RULES.link_minutes,
        closes=poll.closes_at or work.now,
    )
    # After the closing the link is of no use, however young it is.
    work.mail(email, letter, min(proof.expires_at, poll.closes_at or proof.expires_at))
