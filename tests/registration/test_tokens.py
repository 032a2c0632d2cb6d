"""Machines' tokens: one role, stored hashed, revocable."""

from __future__ import annotations

from services.registration.tables import Token
from tests.registration.crew import FIRST, NOBODY, START, Crew
from tests.registration.season import SECOND, organiser_of


def test_a_token_is_shown_once_and_stored_hashed(crew: Crew) -> None:
    made = crew.call("create_token", label="affichage", role="organiser", marathon=FIRST)
    assert made["token"].startswith("mit_")
    row = crew.row(Token, made["id"])
    assert made["token"] not in repr(vars(row))
    [listed] = crew.call("list_tokens")
    assert (listed["id"], listed["label"]) == (made["id"], "affichage")
    assert "token" not in listed
    found = crew.call("identify", NOBODY, token=made["token"])
    assert (found["key"], found["name"], found["kind"]) == (None, "affichage", "token")
    assert found["roles"] == [{"role": "organiser", "marathon": FIRST}]
    assert crew.row(Token, made["id"]).last_used_at == START


def test_a_revoked_token_is_of_no_use(crew: Crew) -> None:
    made = crew.call("create_token", label="affichage", role="operator")
    crew.call("revoke_token", id=made["id"])
    crew.call("revoke_token", id=made["id"])
    assert crew.refused("identify", NOBODY, token=made["token"]) == "token_unknown"
    assert crew.refused("identify", NOBODY, token="mit_other") == "token_unknown"


def test_nobody_grants_more_than_they_have(crew: Crew) -> None:
    mine = organiser_of(FIRST)
    for marathon in (None, SECOND):
        asked = {"label": "x", "role": "organiser", "marathon": marathon}
        assert crew.refused("create_token", mine, **asked) == "forbidden"
    crew.call("create_token", mine, label="ici", role="organiser", marathon=FIRST)
    crew.call("create_token", label="partout", role="organiser")
    assert [token["label"] for token in crew.call("list_tokens", mine)] == ["ici"]
    everywhere = next(t for t in crew.call("list_tokens") if t["label"] == "partout")
    assert crew.refused("revoke_token", mine, id=everywhere["id"]) == "forbidden"
    assert crew.refused("create_token", label="x", role="juror") == "request_invalid"
