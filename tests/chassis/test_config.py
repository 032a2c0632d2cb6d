"""Settings from the environment: read once, wrong ones named."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.config import Settings, SettingsError


def read(tmp_path: Path, **changes: str) -> Settings:
    return Settings.from_env({"MARATHON_DATA_DIR": str(tmp_path), **changes})


def test_laptop_needs_no_setting(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.embedded
    assert settings.database_url_of("voting") == f"sqlite:///{tmp_path}/voting.sqlite"
    assert not settings.demo


def test_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = read(tmp_path).secret
    assert len(first) == 64
    assert read(tmp_path).secret == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_secrets_are_not_in_what_a_log_would_show(tmp_path: Path) -> None:
    shown = repr(read(tmp_path, MARATHON_AMQP_URL="pyamqp://me:hidden@host//"))
    assert "hidden" not in shown
    assert read(tmp_path).secret.decode() not in shown


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MARATHON_SECRET", "short", "at least 32 characters"),
        ("MARATHON_GATEWAY_PORT", "http", "whole number"),
        ("MARATHON_TICK_S", "soon", "number of seconds"),
        ("MARATHON_RETRY_DELAYS_S", "1;2", "separated by commas"),
    ],
)
def test_wrong_setting_is_named_with_what_to_write(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence) as wrong:
        read(tmp_path, **{name: value})
    assert name in str(wrong.value)


def test_shared_database_is_refused(tmp_path: Path) -> None:
    settings = read(tmp_path, MARATHON_DATABASE_URL="sqlite:///one.sqlite")
    with pytest.raises(SettingsError, match="own database"):
        settings.database_url_of("voting")
