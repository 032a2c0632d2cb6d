"""Lists: in pages as JSON, whole as CSV, for the same people, at every route that has one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from werkzeug.test import TestResponse

from gateway.api.csv import MARK, cell, columns_of
from gateway.app import create_app
from gateway.routes import CLOCK, MAILS, ROUTES, Route
from tests.gateway.stage import StandIn, TroupeCaller, bearer, json_of, person
from tests.gateway.test_access import VISITORS
from tests.harness import Troupe
from tests.journeys.tour import CYCLE, LEGS, STARTS, Tour, cycle_file

TABLES = [route for route in (*ROUTES, *CLOCK, *MAILS) if route.tabular]
PAGED = [route for route in TABLES if route.pages]
# What lists little by its nature comes as a whole.
SHORT = {"get_consents", "list_missing"}
# A person's own lists, and a letter box's: an organiser's token has none of them.
NOT_HERE = {"my_scorecards", "get_consents", "list_mails"}


def test_every_list_has_pages_but_those_that_are_short() -> None:
    assert {route.endpoint for route in TABLES if not route.pages} == SHORT
    many = {route.endpoint for route in ROUTES if route.reads and route.messages.many}
    assert many <= {route.endpoint for route in TABLES}


# --- over four real services --------------------------------------------------------------


class House:
    """A gateway over the services after a whole leg, and an organiser's program."""

    def __init__(self, troupe: Troupe) -> None:
        tour = Tour(troupe)
        tour.call("registration", "open_cycle", file=cycle_file())
        tour.until("it is mobilised", lambda: tour.is_in(LEGS[0], "mobilised"))
        tour.mobilise(LEGS[0], STARTS[0])
        tour.run(LEGS[0], STARTS[0])
        tour.settle()
        tour.close(LEGS[0])
        tour.pass_on(LEGS[0])
        tour.settle()
        made = tour.call("registration", "create_token", label="=essai", role="organiser")
        self.token = bearer(made["token"])
        self.client = create_app(troupe.settings, TroupeCaller(troupe, deliver=False)).test_client()
        self.places = {
            "marathon": LEGS[0],
            "cycle": CYCLE,
            "poll": self.get(f"/api/v1/marathons/{LEGS[0]}/poll").json["id"],  # type: ignore[index]
        }

    def path(self, route: Route) -> str:
        """Where a route's list is."""
        if route.endpoint == "list_missing":
            return f"/api/v1/marathons/{LEGS[1]}/missing?to=running"
        return "/api/v1" + re.sub(r"<(\w+)>", lambda m: self.places[m[1]], route.path)

    def get(self, path: str, **headers: str) -> TestResponse:
        """The answer to the organiser."""
        return self.client.get(path, headers={**self.token, **headers})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    troupe = Troupe(tmp_path_factory.mktemp("lists"))
    yield House(troupe)
    troupe.close()


def rows_of(answer: TestResponse) -> list[Any]:
    """The rows of a page, which may be in an object."""
    found = json_of(answer)
    rows: list[Any] = found if isinstance(found, list) else found["items"]
    return rows


def following(answer: TestResponse) -> str | None:
    """The next page's address."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    found = re.fullmatch(r'<(/api/v1/[^>]+)>; rel="next"', link)
    assert found, link
    return found[1]


HERE = [route for route in PAGED if route.endpoint not in NOT_HERE]


@pytest.mark.parametrize("route", HERE, ids=lambda route: route.endpoint)
def test_pages_of_one_row_are_the_list(house: House, route: Route) -> None:
    whole = house.get(house.path(route))
    assert whole.status_code == 200
    assert following(whole) is None
    found: list[Any] = []
    path: str | None = house.path(route) + "?limit=1"
    while path is not None:
        page = house.get(path)
        assert len(rows_of(page)) <= 1
        found += rows_of(page)
        path = following(page)
    assert found == rows_of(whole)


def test_there_is_something_in_these_lists(house: House) -> None:
    """Else the test above would prove nothing."""
    few = {route.endpoint for route in HERE if len(rows_of(house.get(house.path(route)))) < 2}
    assert few <= {"list_cycles", "list_tokens", "list_coaches", "list_holds", "list_relays",
                   "list_prizes",
                   "list_codes", "list_cases", "list_decisions",
                   "list_mail_troubles_of_registration",
                   "list_mail_troubles_of_voting"}  # fmt: skip


@pytest.mark.parametrize("route", HERE, ids=lambda route: route.endpoint)
@pytest.mark.parametrize("query", ["limit=0", "limit=a", "after=", "after=nonsense", "page=2"])
def test_no_other_part_of_a_list_can_be_asked_for(house: House, route: Route, query: str) -> None:
    answer = house.get(f"{house.path(route)}?{query}")
    assert answer.status_code == 422
    problem = json_of(answer)
    assert problem["code"] in ("request_invalid", "cursor_invalid")
    assert all(each["messages"]["fr"] != each["messages"]["en"] for each in problem["errors"])


def test_cursor_of_one_list_is_refused_at_another(house: House) -> None:
    page = house.get(f"/api/v1/marathons/{LEGS[0]}/moves?limit=1")
    cursor = (following(page) or "").rpartition("after=")[2]
    assert house.get(f"/api/v1/marathons/{LEGS[0]}/moves?after={cursor}").status_code == 200
    other = house.get(f"/api/v1/marathons/{LEGS[0]}/projects?after={cursor}")
    assert (other.status_code, json_of(other)["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    "route", [route for route in TABLES if route.endpoint not in NOT_HERE], ids=lambda r: r.endpoint
)
def test_csv_has_the_rows_of_the_list(house: House, route: Route) -> None:
    path, _, query = house.path(route).partition("?")
    shown = rows_of(house.get(house.path(route)))
    file = house.get(f"{path}.csv?{query}")
    assert file.status_code == 200
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    name = route.path.rpartition("/")[2]
    assert file.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert file.data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(file.text.removeprefix(MARK)), delimiter=";"))
    assert lines[0] == [column.name for column in columns_of(route.row)]
    assert len(lines) == len(shown) + 1
    assert all(len(line) == len(lines[0]) for line in lines)
    asked = house.get(house.path(route), Accept="text/csv")
    assert (asked.data, asked.headers["Content-Type"]) == (file.data, file.headers["Content-Type"])
    assert asked.headers["ETag"] == file.headers["ETag"] != house.get(path).headers.get("ETag")
    same = {"If-None-Match": file.headers["ETag"]}
    assert house.get(f"{path}.csv?{query}", **same).status_code == 304


def test_csv_shows_a_value_where_its_column_says(house: House) -> None:
    file = house.get(f"/api/v1/marathons/{LEGS[0]}/projects.csv").text
    rows = list(csv.DictReader(io.StringIO(file.removeprefix(MARK)), delimiter=";"))
    projects = json_of(house.get(f"/api/v1/marathons/{LEGS[0]}/projects"))
    for row, project in zip(rows, projects, strict=True):
        assert row["id"] == project["id"]
        assert row["holder.name"] == project["holder"]["name"]
        assert row["needs.water"] == ("true" if project["needs"]["water"] else "false")
        assert row["open_roles"] == ", ".join(project["open_roles"])


def test_csv_of_a_stranger_has_no_more_than_their_json(house: House) -> None:
    file = house.client.get(f"/api/v1/marathons/{LEGS[0]}/projects.csv").text
    rows = list(csv.DictReader(io.StringIO(file.removeprefix(MARK)), delimiter=";"))
    assert rows
    hidden = ("holder.name", "holder.key", "decision", "created_at", "needs.water")
    assert {row[name] for row in rows for name in hidden} == {""}


def test_a_label_that_a_spreadsheet_would_compute_is_text(house: House) -> None:
    assert ";'=essai;" in house.get("/api/v1/tokens.csv").text
    assert json_of(house.get("/api/v1/tokens"))[0]["label"] == "=essai"


@pytest.mark.parametrize("query", ["limit=5", "after=x", "limit=5&after=x"])
def test_csv_is_whole_or_not_at_all(house: House, query: str) -> None:
    answer = house.get(f"/api/v1/marathons/{LEGS[0]}/projects.csv?{query}")
    assert (answer.status_code, json_of(answer)["code"]) == (422, "request_invalid")
    assert {each["field"] for each in json_of(answer)["errors"]} == {
        part.partition("=")[0] for part in query.split("&")
    }


# --- the gateway alone --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/html", "application/json"),
        ("text/*", "text/csv; charset=utf-8"),
    ],
)
def test_accept_chooses(client: FlaskClient, caller: StandIn, accept: str, expected: str) -> None:
    caller.answers["registration.list_cycles"] = []
    answer = client.get("/api/v1/cycles", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == expected
    assert "Accept" in answer.headers["Vary"]


def test_csv_follows_all_pages(client: FlaskClient, caller: StandIn) -> None:
    def pages(request: dict[str, Any]) -> dict[str, Any]:
        last = request.get("after") == "two"
        return {"items": [{"id": "b" if last else "a"}], "next": None if last else "two"}

    caller.answers["registration.list_cycles"] = pages
    lines = client.get("/api/v1/cycles.csv").text.splitlines()
    assert [line.partition(";")[0] for line in lines] == [f"{MARK}id", "a", "b"]
    assert [request for _door, request, *_rest in caller.asked] == [
        {"limit": 200},
        {"limit": 200, "after": "two"},
    ]


def test_page_asks_for_all_pages_of_a_list(client: FlaskClient, caller: StandIn) -> None:
    """What a page shows is the list, not the first page of it."""
    one = {"id": "c1", "title": "Premier", "state": "open", "legs": 0, "opened_at": None}

    def pages(request: dict[str, Any]) -> dict[str, Any]:
        if "after" in request:
            return {"items": [{**one, "id": "c2"}], "next": None}
        return {"items": [one], "next": "two"}

    caller.answers["registration.list_cycles"] = pages
    client.get("/")
    asked = [request for door, request, *_rest in caller.asked if door.endswith("list_cycles")]
    assert asked == [{"limit": 200}, {"limit": 200, "after": "two"}]


@pytest.mark.parametrize("route", TABLES, ids=lambda route: route.endpoint)
def test_who_may_see_the_list_may_have_the_file_and_nobody_else(
    app: Flask, caller: StandIn, route: Route
) -> None:
    path = "/api/v1" + re.sub(
        r"<(\w+)>", lambda part: "m1" if part[1] == "marathon" else "x1", route.path
    )
    caller.people.update(VISITORS)
    for name in ("nobody", *VISITORS):
        headers = {} if name == "nobody" else bearer(name)
        client = app.test_client()
        statuses = {
            client.get(asked, headers={**headers, **more}).status_code
            for asked, more in ((path, {}), (f"{path}.csv", {}), (path, {"Accept": "text/csv"}))
        }
        refused = statuses & {401, 403}
        assert not refused or statuses == refused, (name, statuses)


def test_service_away_makes_no_half_a_file(client: FlaskClient, caller: StandIn) -> None:
    """A second page that does not come: an error, not a file that looks whole."""
    from services.chassis.errors import Unavailable

    def pages(request: dict[str, Any]) -> dict[str, Any]:
        if "after" in request:
            raise Unavailable("registration")
        return {"items": [{"id": "a"}], "next": "two"}

    caller.answers["registration.list_cycles"] = pages
    answer = client.get("/api/v1/cycles.csv")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")


# --- cells --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0, "0"),
        (-5, "-5"),
        (1.5, "1.5"),
        ("", ""),
        ("Été ; « fin »", "Été ; « fin »"),
        ("=1+1", "'=1+1"),
        ("+33 1", "'+33 1"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("a=b", "a=b"),
        (["a", "b"], "a, b"),
        (["=a", "b"], "'=a, b"),
        ([], ""),
        ([{"a": 1}], '[{"a": 1}]'),
        ({"é": "=1"}, '{"é": "=1"}'),
        (["a", 1], '["a", 1]'),
    ],
)
def test_cell(value: Any, text: str) -> None:
    assert cell(value) == text


def test_columns_are_named_by_the_way_to_them() -> None:
    class Inner(Schema):
        deep = fields.String(data_key="from")

    class Outer(Schema):
        id = fields.String()
        inner = fields.Nested(Inner, allow_none=True)
        several = fields.List(fields.Nested(Inner))

    assert [column.name for column in columns_of(Outer())] == ["id", "inner.from", "several"]


def test_file_survives_a_spreadsheet_s_reader(client: FlaskClient, caller: StandIn) -> None:
    nasty = 'a;"b"\r\nc'
    caller.people["boss"] = person(("organiser", None))
    caller.answers["registration.list_tokens"] = [{"id": "t1", "label": nasty}]
    file = client.get("/api/v1/tokens.csv", headers=bearer("boss")).data.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(file, newline=""), delimiter=";")
    assert (row["id"], row["label"], row["last_used_at"]) == ("t1", nasty, "")
