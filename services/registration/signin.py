"""Signing in: no passwords, a mail with a link and a code (RULES S1, S2, S4)."""

from __future__ import annotations

from typing import Any

from services.chassis import limiter, proofs
from services.chassis.errors import Refusal
from services.chassis.people import address, canonical_email
from services.chassis.work import Work
from services.registration import letters, people, roles, sessions, tokens

PURPOSE = "sign_in"
MINUTES = 30
MAILS_PER_HOUR = 5
REQUESTS_PER_MINUTE = 60
PATH = "/connexion/lien"


def request(work: Work, email: str, ip: str = "", language: str = "fr") -> dict[str, Any]:
    """Mails a link and a code; the answer is the same for every address (RULES S2).

    ``language`` is that of the letter, and of those to come once the person has signed in.

    Known and unknown addresses get the same mail: whoever reads it may sign in. The sixth
    mail in an hour is not sent, and nobody is told. Above 60 requests a minute from one IP it
    slows down, ``Refusal("slow_down")`` with ``retry_after`` in seconds: refused ones are not
    counted, so a town hall that shares one address waits a moment and is never shut out.
    """
    canonical = canonical_email(email)
    _slow_down(work, ip)
    if limiter.allow(work, "sign_in_mail", canonical, MAILS_PER_HOUR, 3600):
        _write(work, email, language)
    return {"minutes": MINUTES}


def _write(work: Work, email: str, language: str) -> None:
    proof = proofs.issue(work, PURPOSE, email, {"language": language}, MINUTES)
    letters.write(
        work,
        address(email),
        "sign_in",
        language,
        proof.expires_at,
        link=_link(work, proof),
        code=proof.code,
        minutes=MINUTES,
    )


def _slow_down(work: Work, ip: str) -> None:
    if ip and not limiter.allow(work, "sign_in_ip", ip, REQUESTS_PER_MINUTE, 60):
        raise Refusal(
            "slow_down",
            "Beaucoup de demandes arrivent en ce moment de votre réseau.",
            "Réessayez dans une minute.",
            429,
            retry_after=60,
        )


def link_for(work: Work, email: str, minutes: int = MINUTES) -> str:
    """A link that signs somebody in without mail: for the operator's command line (RULES S4)."""
    return _link(work, proofs.issue(work, PURPOSE, email, {}, minutes))


def _link(work: Work, proof: proofs.Proof) -> str:
    return f"{work.settings.public_url}{PATH}?token={proof.token}"


def sign_in(
    work: Work,
    token: str | None = None,
    email: str | None = None,
    code: str | None = None,
    name: str = "",
) -> dict[str, Any]:
    """Exchanges a mailed proof for a session; its secret is shown this once.

    Raises what ``proofs`` raises. ``name`` is kept for who has none yet.
    """
    if token is not None:
        proved = proofs.redeem_token(work, PURPOSE, token)
    else:
        proved = proofs.redeem_code(work, PURPOSE, email or "", code or "")
    person = people.ensure(work, proved["email"], name)
    # The address that was just proved is the one to write to.
    person.email = address(proved["email"])
    # A link from the command line has none.
    person.language = proved.get("language") or person.language
    secret, expires_at = sessions.begin(work, person.key)
    return {
        "session": secret,
        "expires_at": expires_at,
        "person": {"key": person.key, "name": person.name},
        "roles": roles.held_by(work, person.key),
    }


def identify(work: Work, session: str | None = None, token: str | None = None) -> dict[str, Any]:
    """Who a credential belongs to, and what they may do now.

    Raises ``Refusal`` "session_unknown" or "token_unknown" (401).
    """
    if token is not None:
        return tokens.identify(work, token)
    person = sessions.holder_of(work, session or "")
    if person is None:
        raise Refusal(
            "session_unknown", "Cette session n’est plus valable.", "Reconnectez-vous.", 401
        )
    return {
        "key": person.key,
        "name": person.name,
        "kind": "session",
        "roles": roles.held_by(work, person.key),
    }


def sign_out(work: Work, session: str, everywhere: bool = False) -> dict[str, Any]:
    """Ends a session, or all of its person; one that has ended already is fine."""
    person = sessions.holder_of(work, session) if everywhere else None
    ended = sessions.end_all(work, person.key) if person else sessions.end(work, session)
    return {"ended": ended}
