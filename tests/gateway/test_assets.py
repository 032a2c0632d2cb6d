"""Style sheets and pictures: kept for good under the address of their content."""

from __future__ import annotations

import gzip
import re

import pytest
from flask.testing import FlaskClient

from gateway import assets

NAMES = sorted(assets.load())


def address(client: FlaskClient, name: str) -> str:
    return f"/static/{assets.load()[name].digest}/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_an_asset_is_kept_for_good(client: FlaskClient, name: str) -> None:
    answer = client.get(address(client, name))
    assert answer.status_code == 200
    assert answer.data == assets.load()[name].content
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype != "application/octet-stream"


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith((".css", ".js"))])
def test_an_asset_comes_from_here_alone(name: str) -> None:
    text = assets.load()[name].content.decode()
    named = re.findall(r"url\((?!\"?data:)[^)]*\)|@import[^;]*;", text)
    assert [one for one in named if "//" in one] == []


def test_bootstrap_is_small_on_the_wire(client: FlaskClient) -> None:
    found = client.get(address(client, assets.BOOTSTRAP), headers={"Accept-Encoding": "gzip"})
    assert found.headers["Content-Encoding"] == "gzip"
    assert len(found.data) < 35_000
    assert b"Bootstrap  v5.3" in gzip.decompress(found.data)


def test_an_old_address_still_leads_to_the_file(client: FlaskClient) -> None:
    answer = client.get("/static/000000000000/style.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["nothing.css", "../app.py", "%2e%2e/app.py"])
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/000000000000/{name}").status_code == 404
