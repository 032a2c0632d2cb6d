"""Fixtures of the gateway's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.gateway.evening import Evening
from tests.gateway.stage import Browser, StandIn, parts_of, stand_in_app

Flask.test_client_class = Browser


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """A gateway, made once: it holds nothing but what it remembers of who asks."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    demo = {"clock_file": folder / "clock", "demo": True, "smtp_url": f"folder:{folder}/mails"}
    return stand_in_app(folder, StandIn(), **demo)


@pytest.fixture
def app(gateway: Flask) -> Flask:
    """That gateway, which has forgotten everybody."""
    caller = parts_of(gateway).caller
    assert isinstance(caller, StandIn)
    caller.forget()
    parts_of(gateway).identity.forget_all()
    gateway.extensions["memory"].forget()
    return gateway


@pytest.fixture
def caller(app: Flask) -> StandIn:
    """Services that answer everything alike."""
    caller = parts_of(app).caller
    assert isinstance(caller, StandIn)
    return caller


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of that gateway."""
    return app.test_client()


@pytest.fixture
def evening(tmp_path: Path) -> Evening:
    """A poll is open, and nobody has voted yet."""
    return Evening(tmp_path)
