"""What holds for every request: correlation, headers, cross-site commands, proxies, sessions."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.chassis.errors import Unavailable
from tests.gateway.stage import StandIn, bearer, json_of, person, stand_in_app

BALLOT = {"email": "a@example.org", "commune": "47004", "project": "p"}


def sign_in(client: FlaskClient, secret: str = "s1") -> None:
    """Puts a session into the client's cookie, as the sign-in page does."""
    with client.session_transaction() as session:
        session["session"] = secret


def test_correlation_is_taken_passed_on_and_returned(client: FlaskClient, caller: StandIn) -> None:
    answer = client.get("/api/v1/cycles", headers={"X-Request-Id": "from-outside-1"})
    assert answer.headers["X-Request-Id"] == caller.asked[-1][4] == "from-outside-1"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f g", "nasty\u00e9nasty"])
def test_correlation_that_is_not_sane_is_made_anew(
    client: FlaskClient, caller: StandIn, given: str
) -> None:
    answer = client.get("/api/v1/cycles", headers={"X-Request-Id": given})
    made = answer.headers["X-Request-Id"]
    assert made != given
    assert len(made) == 32
    assert caller.asked[-1][4] == made


@pytest.mark.parametrize("path", ["/", "/api/v1/cycles", "/rien", "/static/style.css", "/healthz"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_https_is_remembered_where_it_is_used(tmp_path: Path) -> None:
    app = stand_in_app(tmp_path, StandIn(), public_url="https://vote.example.org")
    answer = app.test_client().get("/healthz")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert app.config["SESSION_COOKIE_SECURE"] is True


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_command_from_another_site_is_refused(
    client: FlaskClient, caller: StandIn, headers: dict[str, str]
) -> None:
    caller.people["s1"] = person()
    sign_in(client)
    answer = client.post("/api/v1/polls/p1/requests", json=BALLOT, headers=headers)
    assert (answer.status_code, json_of(answer)["code"]) == (403, "cross_site")
    assert client.post("/deconnexion", headers=headers).status_code == 403
    assert caller.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        # A browser whose owner hides where they were.
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_command_from_here_passes(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/api/v1/polls/p1/requests", json=BALLOT, headers=headers).status_code == 202


def test_token_goes_before_a_cookie(client: FlaskClient, caller: StandIn) -> None:
    caller.people["s1"] = person(name="cookie")
    caller.people["mit_1"] = person(key=None, name="token")
    sign_in(client)
    assert json_of(client.get("/api/v1/me"))["name"] == "cookie"
    answer = client.get("/api/v1/me", headers=bearer("mit_1"))
    assert json_of(answer) == {"key": None, "kind": "machine", "name": "token", "roles": []}


def test_unknown_token_is_refused_even_where_nobody_needs_one(
    client: FlaskClient, caller: StandIn
) -> None:
    answer = client.get("/api/v1/cycles", headers=bearer("wrong"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert caller.asked == []


def test_session_that_ended_is_dropped_and_the_page_shown(
    client: FlaskClient, caller: StandIn
) -> None:
    sign_in(client, "ended")
    caller.answers["registration.list_cycles"] = []
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Se connecter" in answer.text
    with client.session_transaction() as session:
        assert "session" not in session


def test_forged_cookie_is_nobody(client: FlaskClient, caller: StandIn) -> None:
    caller.people["s1"] = person()
    client.set_cookie("session", "eyJzZXNzaW9uIjoiczEifQ.aSKw_w.forged")
    assert client.get("/api/v1/me").status_code == 401


def test_registration_away_keeps_the_pages_and_stops_the_api(
    client: FlaskClient, caller: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(request: object) -> None:
        raise Unavailable("registration")

    monkeypatch.setattr(caller, "_identify", away)
    sign_in(client)
    assert client.get("/api/v1/me").status_code == 503
    assert client.get("/connexion").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 10.0.0.1", "10.0.0.1"),
        (2, "6.6.6.6, 10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (2, "6.6.6.6", "127.0.0.1"),
    ],
)
def test_ip_is_what_the_last_trusted_proxy_saw(
    tmp_path: Path, proxies: int, forwarded: str, seen: str
) -> None:
    caller = StandIn()
    client = stand_in_app(tmp_path, caller, trusted_proxies=proxies).test_client()
    headers = {"X-Forwarded-For": forwarded}
    client.post("/api/v1/polls/p1/requests", json=BALLOT, headers=headers)
    assert caller.asked[-1][1]["ip"] == seen
