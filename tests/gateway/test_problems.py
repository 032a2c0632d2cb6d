"""Every error is RFC 9457 under /api, and a page elsewhere."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from services.chassis.errors import Invalid, NotFound, Refusal, Unavailable
from tests.gateway.stage import StandIn, json_of

MEMBERS = {
    *("type", "title", "status", "code", "detail", "hint", "sentences", "correlation", "errors"),
}


def test_refusal_of_a_service_is_a_problem(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.get_marathon"] = NotFound("marathon", "m1")
    answer = client.get("/api/v1/marathons/m1", headers={"X-Request-Id": "abcdefgh-1"})
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert json_of(answer) == {
        "type": "urn:incroyable-territoire:problem:marathon_not_found",
        "title": "Page introuvable",
        "status": 404,
        "code": "marathon_not_found",
        "detail": "Ce que vous cherchez n’existe pas ou plus.",
        "hint": "Vérifiez l’adresse.",
        "sentences": {
            "fr": {
                "detail": "Ce que vous cherchez n’existe pas ou plus.",
                "hint": "Vérifiez l’adresse.",
            },
            "en": {
                "detail": "What you are looking for does not exist, or no longer does.",
                "hint": "Check the address.",
            },
        },
        "correlation": "abcdefgh-1",
        "errors": [],
        "details": {"what": "marathon", "id": "m1"},
    }


def test_field_errors_are_a_flat_list(client: FlaskClient, caller: StandIn) -> None:
    nested = {"needs": {"surface_m2": ["a", "b"]}, "roles": {0: ["c"]}, "_schema": ["d"]}
    caller.answers["registration.get_marathon"] = Invalid("request_invalid", "Non.", errors=nested)
    answer = client.get("/api/v1/marathons/m1")
    assert answer.status_code == 422
    assert [(each["field"], each["message"]) for each in json_of(answer)["errors"]] == [
        ("needs.surface_m2", "a"),
        ("needs.surface_m2", "b"),
        ("roles.0", "c"),
        ("", "d"),
    ]


def test_service_away_is_503_that_says_which_part_and_when(
    client: FlaskClient, caller: StandIn
) -> None:
    caller.answers["voting.cast"] = Unavailable("voting")
    answer = client.post("/api/v1/polls/p1/ballots", json={"code": "x", "project": "p"})
    assert answer.status_code == 503
    assert json_of(answer)["details"] == {"service": "voting"}
    assert int(answer.headers["Retry-After"]) > 0


def test_slowed_down_says_for_how_long(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["voting.get_poll"] = Refusal("slow_down", "Doucement.", "", 429, retry_after=60)
    answer = client.get("/api/v1/polls/p1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")


def test_error_of_ours_tells_nothing_of_itself(client: FlaskClient, caller: StandIn) -> None:
    caller.answers["registration.get_marathon"] = RuntimeError("secret detail")
    answer = client.get("/api/v1/marathons/m1")
    assert answer.status_code == 500
    assert json_of(answer).keys() == MEMBERS
    assert b"secret" not in answer.data
    assert answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing", "/api/v1/marathons/m1/x"])
def test_unknown_address_of_the_api_is_a_problem(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, json_of(answer)["code"]) == (404, "not_found")
    assert json_of(answer).keys() == MEMBERS


def test_unknown_method_says_which_there_are(client: FlaskClient) -> None:
    answer = client.put("/api/v1/cycles", json={})
    assert (answer.status_code, json_of(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_unknown_page_is_a_page(client: FlaskClient) -> None:
    answer = client.get("/rien")
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"
    assert "Page introuvable" in answer.text


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", "fr"),
        ("fr", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("de", "fr"),
        ("*", "fr"),
        ("fr;q=0.1,en;q=0.9", "en"),
        ("en;q=nonsense,;;", "fr"),
    ],
)
def test_problem_is_in_the_language_asked_for_and_beside_it_in_both(
    client: FlaskClient, caller: StandIn, asked: str, expected: str
) -> None:
    errors = {"limit": ["Not a valid integer."]}
    caller.answers["registration.get_marathon"] = Invalid(
        "team_larger",
        "L’équipe compte déjà 4 personnes.",
        "Choisissez une taille au moins égale à celle de l’équipe.",
        size=4,
        errors=errors,
    )
    answer = client.get("/api/v1/marathons/m1", headers={"Accept-Language": asked})
    problem = json_of(answer)
    fr = {
        "detail": "L’équipe compte déjà 4 personnes.",
        "hint": "Choisissez une taille au moins égale à celle de l’équipe.",
    }
    en = {
        "detail": "The team has 4 people already.",
        "hint": "Choose a size that is at least the team's.",
    }
    assert problem["sentences"] == {"fr": fr, "en": en}
    assert {name: problem[name] for name in ("detail", "hint")} == {"fr": fr, "en": en}[expected]
    assert (
        problem["title"]
        == {
            "fr": "Des valeurs manquent ou sont incorrectes",
            "en": "Some values are missing or wrong",
        }[expected]
    )
    messages = {"fr": "Ce n’est pas un nombre entier.", "en": "Not a valid integer."}
    assert problem["errors"] == [
        {"field": "limit", "message": messages[expected], "messages": messages}
    ]
    assert answer.headers["Content-Language"] == expected
    assert "Accept-Language" in answer.headers["Vary"]


def test_sentence_of_the_gateway_itself_is_in_both_languages(client: FlaskClient) -> None:
    problem = json_of(client.get("/api/v1/me"))
    assert problem["sentences"] == {
        "fr": {
            "detail": "Connectez-vous pour faire cela.",
            "hint": "Connectez-vous par courriel, ou envoyez un jeton.",
        },
        "en": {
            "detail": "You need to sign in for this.",
            "hint": "Sign in by mail, or send a bearer token.",
        },
    }


def test_refusal_of_an_unknown_service_version_is_in_french_at_least(
    client: FlaskClient, caller: StandIn
) -> None:
    """Neither a code nor a value that the catalogue asks for can make an answer fail."""
    for refusal in (
        Refusal("new_code", "Une phrase nouvelle : 100 %.", "Un conseil."),
        Refusal("team_larger", "L’équipe compte déjà 4 personnes."),
    ):
        caller.answers["registration.get_marathon"] = refusal
        problem = json_of(client.get("/api/v1/marathons/m1", headers={"Accept-Language": "en"}))
        assert problem["detail"] == refusal.message
        assert problem["sentences"]["en"]["detail"] == refusal.message


def test_error_speaks_the_chosen_language(client: FlaskClient) -> None:
    client.post("/langue", data={"language": "en"})
    assert json_of(client.get("/api/v1/nothing"))["title"] == "Not found"


def test_head_of_an_error_has_no_body(client: FlaskClient) -> None:
    answer = client.head("/api/v1/nothing")
    assert (answer.status_code, answer.data) == (404, b"")
