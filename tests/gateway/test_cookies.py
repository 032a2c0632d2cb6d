"""Only strictly necessary cookies, and none for who only looks (RULES D4)."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.gateway.stage import StandIn, person, stand_in_app

PUBLIC = "https://marathon.example.org"


@pytest.fixture(params=["http://localhost", PUBLIC])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Flask:
    caller = StandIn()
    caller.answers["registration.list_cycles"] = []
    caller.answers["registration.sign_in"] = {"session": "s1"}
    caller.people["s1"] = person()
    return stand_in_app(tmp_path, caller, public_url=request.param)


def here(app: Flask) -> dict[str, str]:
    return {"Origin": str(app.extensions["gateway"].settings.public_url)}


def cookies(answer: TestResponse) -> list[SimpleCookie]:
    return [SimpleCookie(line) for line in answer.headers.getlist("Set-Cookie")]


def addresses(app: Flask) -> list[str]:
    """Every page and every address of the API that only reads, with something in its gaps."""
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            gaps = dict.fromkeys(rule.arguments, "x1")
            found.append(rule.build(gaps, append_unknown=False)[1])  # type: ignore[index]
    return sorted(found)


def test_who_only_looks_gets_no_cookie(app: Flask) -> None:
    client = app.test_client()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    paths = addresses(app)
    assert {"/", "/connexion", "/confidentialite", "/api/v1/cycles"} <= set(paths)
    with_cookies = []
    for path in paths:
        with client.get(path) as answer:
            if answer.headers.getlist("Set-Cookie"):
                with_cookies.append(path)
    assert with_cookies == []


def test_every_cookie_is_kept_from_scripts_and_other_sites(app: Flask) -> None:
    client = app.test_client()
    secure = app.config["SESSION_COOKIE_SECURE"]
    answers = [
        client.post("/langue", data={"language": "en", "next": "/"}, headers=here(app)),
        client.post("/connexion/lien", data={"token": "t"}, headers=here(app)),
        client.post("/deconnexion", headers=here(app)),
        client.post("/connexion/lien", data={"token": "t"}, headers=here(app)),
        client.post("/moi/deconnexion", headers=here(app)),
    ]
    assert [answer.status_code for answer in answers][:4] == [303] * 4
    found = [morsel for answer in answers for each in cookies(answer) for morsel in each.values()]
    assert len(found) >= 4
    name = "__Host-session" if secure else "session"
    for morsel in found:
        assert (morsel.key, morsel["httponly"], morsel["samesite"], morsel["path"]) == (
            *(name, True, "Lax"),
            "/",
        )
        assert morsel["secure"] == (True if secure else "")
        # "__Host-" is only believed without one.
        assert morsel["domain"] == ""


def test_the_privacy_page_names_the_cookie(app: Flask) -> None:
    text = app.test_client().get("/confidentialite").text
    assert f"« {app.config['SESSION_COOKIE_NAME']} »" in text
    assert "14 jours" in text


def test_who_signs_in_keeps_nothing_of_the_session_before(app: Flask) -> None:
    """A cookie that somebody else planted is worth nothing afterwards (session fixation)."""
    client = app.test_client()
    app.extensions["gateway"].caller.people["planted"] = person(name="Somebody else")
    with client.session_transaction(base_url=PUBLIC) as session:
        session.update({"session": "planted", "language": "en", "odd": "kept?"})
    answer = client.post("/connexion/lien", data={"token": "t"}, headers=here(app), base_url=PUBLIC)
    assert answer.status_code == 303
    with client.session_transaction(base_url=PUBLIC) as session:
        assert dict(session) == {"_permanent": True, "session": "s1", "language": "en"}
