"""Machines' tokens: one role, stored hashed, revocable."""

from __future__ import annotations

from datetime import timedelta

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


def test_the_list_shows_when_each_token_was_last_used(crew: Crew) -> None:
    made = crew.call("create_token", label="affichage", role="organiser", marathon=FIRST)
    idle = crew.call("create_token", label="jamais", role="operator")
    assert last_uses(crew) == {made["id"]: None, idle["id"]: None}
    crew.call("identify", NOBODY, token=made["token"])
    assert last_uses(crew) == {made["id"]: START.isoformat(), idle["id"]: None}


def test_a_use_is_noted_once_a_minute_and_never_after_the_revocation(crew: Crew) -> None:
    """Else every request of a busy machine would write."""
    made = crew.call("create_token", label="affichage", role="operator")
    uses = []
    for seconds in (0, 59, 60, 61):
        crew.troupe.clock.move_to(START + timedelta(seconds=seconds))
        crew.call("identify", NOBODY, token=made["token"])
        uses.append(last_uses(crew)[made["id"]])
    minute = (START + timedelta(seconds=60)).isoformat()
    assert uses == [START.isoformat(), START.isoformat(), minute, minute]
    crew.call("revoke_token", id=made["id"])
    crew.troupe.clock.move_to(START + timedelta(hours=1))
    assert crew.refused("identify", NOBODY, token=made["token"]) == "token_unknown"
    [listed] = crew.call("list_tokens")
    assert (listed["last_used_at"], listed["revoked_at"]) == (minute, minute_after(61))


def test_no_answer_but_the_first_holds_the_secret(crew: Crew) -> None:
    made = crew.call("create_token", label="affichage", role="operator")
    others = (
        crew.call("list_tokens"),
        crew.call("revoke_token", id=made["id"]),
        crew.call("identify", NOBODY, token=crew.call(
            "create_token", label="autre", role="operator")["token"]),
    )  # fmt: skip
    assert made["token"] not in repr(others)
    assert all("hash" not in repr(each) for each in others)


def last_uses(crew: Crew) -> dict[str, str | None]:
    """When each listed token was last used."""
    return {each["id"]: each["last_used_at"] for each in crew.call("list_tokens")}


def minute_after(seconds: int) -> str:
    """An instant after the start, as answers have it."""
    return (START + timedelta(seconds=seconds)).isoformat()
