"""Configuration, read once from the environment into a frozen object."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.chassis.clock import Clock, MovableClock, SystemClock

SERVICES = ("registration", "venues", "voting", "jury")
EMBEDDED_URL = "embedded://"


class SettingsError(ValueError):
    """A setting that is missing or wrong; the sentence says which, and what to write."""


@dataclass(frozen=True)
class Settings:
    """How one process of an instance is set up. All durations are in seconds."""

    instance: str = "local"
    secret: bytes = field(default=b"", repr=False)
    amqp_url: str = field(default=EMBEDDED_URL, repr=False)
    database_url: str = field(default="sqlite:///.marathon/{service}.sqlite", repr=False)
    data_dir: Path = Path(".marathon")
    storage_url: str = ""
    """Where files are kept; empty for a folder in the data folder."""

    public_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    demo_accounts: tuple[tuple[str, str], ...] = ()
    """Role and address of accounts that anybody may try, shown on the demonstration's sign-in."""

    clock_file: Path | None = None
    trusted_proxies: int = 0
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8000
    health_port: int | None = None
    workers: int = 10
    tick_s: float = 1.0
    chore_s: float = 30.0
    outbox_poll_s: float = 2.0
    confirm_timeout_s: float = 5.0
    retry_delays_s: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0, 600.0)
    retry_poll_s: float = 2.0
    connect_timeout_s: int = 5
    statement_timeout_s: int = 30
    smtp_url: str = field(default="smtp://127.0.0.1:25", repr=False)
    mail_from: str = "ne-pas-repondre@example.org"
    legal_file: Path | None = None
    instance_file: Path | None = None
    relay_key_file: Path | None = None
    """This instance's private key, with which it signs what it sends to its partners."""

    relay_ca_file: Path | None = None
    """Whose certificates partners' sites have, where it is not the public authorities'."""

    courier_poll_s: float = 0.2
    """How often one looks for packages to hand over."""

    crash_at: str = ""
    crash_marker: Path | None = None

    @property
    def embedded(self) -> bool:
        """Whether the broker is this process's own memory."""
        return self.amqp_url.startswith("embedded")

    def clock(self) -> Clock:
        """The clock of this instance."""
        return MovableClock(self.clock_file) if self.clock_file else SystemClock()

    def database_url_of(self, service: str) -> str:
        """The address of one service's own database."""
        if "{service}" not in self.database_url:
            raise SettingsError(
                "MARATHON_DATABASE_URL must contain {service}: each service has its own database"
            )
        return self.database_url.replace("{service}", service)

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from ``MARATHON_*`` variables. Raises :class:`SettingsError`."""
        return _read(os.environ if environ is None else environ)


def _read(env: Mapping[str, str]) -> Settings:
    data_dir = Path(env.get("MARATHON_DATA_DIR", ".marathon"))
    clock_file = env.get("MARATHON_CLOCK_FILE")
    marker = env.get("MARATHON_CRASH_MARKER")
    return Settings(
        instance=env.get("MARATHON_INSTANCE", "local"),
        secret=_secret(env, data_dir),
        amqp_url=env.get("MARATHON_AMQP_URL", EMBEDDED_URL),
        database_url=env.get("MARATHON_DATABASE_URL", f"sqlite:///{data_dir}/{{service}}.sqlite"),
        data_dir=data_dir,
        storage_url=env.get("MARATHON_STORAGE", ""),
        public_url=env.get("MARATHON_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        demo=env.get("MARATHON_DEMO") == "1",
        demo_accounts=_pairs(env.get("MARATHON_DEMO_ACCOUNTS", "")),
        clock_file=Path(clock_file) if clock_file else None,
        trusted_proxies=_number(env, "MARATHON_TRUSTED_PROXIES", 0),
        gateway_host=env.get("MARATHON_GATEWAY_HOST", "127.0.0.1"),
        gateway_port=_number(env, "MARATHON_GATEWAY_PORT", 8000),
        health_port=_number(env, "MARATHON_HEALTH_PORT", 0) or None,
        workers=_number(env, "MARATHON_WORKERS", 10),
        tick_s=_seconds(env, "MARATHON_TICK_S", 1.0),
        outbox_poll_s=_seconds(env, "MARATHON_OUTBOX_POLL_S", 2.0),
        retry_delays_s=_delays(env),
        smtp_url=env.get("MARATHON_SMTP_URL", "smtp://127.0.0.1:25"),
        mail_from=env.get("MARATHON_MAIL_FROM", "ne-pas-repondre@example.org"),
        legal_file=_path(env, "MARATHON_LEGAL_FILE"),
        instance_file=_path(env, "MARATHON_INSTANCE_FILE"),
        relay_key_file=_path(env, "MARATHON_RELAY_KEY"),
        relay_ca_file=_path(env, "MARATHON_RELAY_CA"),
        crash_at=env.get("MARATHON_CRASH_AT", ""),
        crash_marker=Path(marker) if marker else None,
    )


def _secret(env: Mapping[str, str], data_dir: Path) -> bytes:
    """The instance's secret: from the environment, else from a file made on first use.

    All services of an instance must share it (person keys are made with it), so a server
    sets it; the file serves the laptop, where they share a folder.
    """
    given = env.get("MARATHON_SECRET", "")
    if given:
        if len(given) < 32:
            raise SettingsError("MARATHON_SECRET is too short: use at least 32 characters")
        return given.encode()
    path = data_dir / "secret"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _make_secret(path)
    return path.read_bytes()


def _make_secret(path: Path) -> None:
    """Makes the secret's file; of several processes that start at once, one's is taken."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    with os.fdopen(handle, "wb") as file:
        file.write(os.urandom(32).hex().encode())
    try:
        os.link(name, path)
    except FileExistsError:
        pass  # somebody was first: theirs is the secret
    finally:
        Path(name).unlink()


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """``role=address;role=address`` as pairs."""
    pairs = (line.partition("=") for line in text.split(";") if "=" in line)
    return tuple((name.strip(), value.strip()) for name, _equals, value in pairs)


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(env.get(name, default))
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, not {env[name]!r}") from None


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(env.get(name, default))
    except ValueError:
        raise SettingsError(f"{name} must be a number of seconds, not {env[name]!r}") from None


def _delays(env: Mapping[str, str]) -> tuple[float, ...]:
    given = env.get("MARATHON_RETRY_DELAYS_S")
    if not given:
        return Settings.retry_delays_s
    try:
        return tuple(float(part) for part in given.split(","))
    except ValueError:
        raise SettingsError(
            "MARATHON_RETRY_DELAYS_S must be seconds separated by commas, such as 1,5,30"
        ) from None
