"""The play file: the cast and the dates of every leg, read from YAML and checked whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate

PARIS = ZoneInfo("Europe/Paris")
STAGES = ("announced", "mobilised", "voting", "closed")
NEEDS = ("step_free", "water", "power")
WHEN = re.compile(
    r"(?P<days>[+-]\d+) days (?P<hour>\d\d):(?P<minute>\d\d)|(?P<hours>[+-]\d+) hours"
)


class ScriptError(ValueError):
    """A play file that can't be played; the sentence says where and why."""


@dataclass(frozen=True)
class Team:
    """A project and how many people it brings."""

    title: str
    activity: str
    pitch: str
    size: int = 2
    needs: tuple[str, ...] = ()
    surface_m2: int = 20


@dataclass(frozen=True)
class Place:
    """Premises; ``lacks`` names what is not there."""

    title: str
    street: str
    house_number: str = ""
    capacity: int = 1
    surface_m2: int = 60
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gift:
    """A prize; those of the jury go to the team at ``rank``."""

    kind: str
    title: str
    quantity: int = 1
    donor: str = ""
    rank: int | None = None


@dataclass(frozen=True)
class Leg:
    """One marathon of a play; ``starts_at`` is where the day of playing is taken from."""

    leg: int
    until: str
    starts_at: datetime | None = None
    host: str | None = None
    teams: tuple[Team, ...] = ()
    premises: tuple[Place, ...] = ()
    prizes: tuple[Gift, ...] = ()
    jurors: int = 4
    coaches: int = 2
    ballots: int = 40
    recusals: int = 0


@dataclass(frozen=True)
class Script:
    """A whole play; ``cycle_file`` is the text of the cycle it plays."""

    play: str
    cycle: str
    cycle_file: str
    invented: str
    seed: int
    legs: tuple[Leg, ...] = field(default_factory=tuple)

    def marathon(self, leg: Leg) -> str:
        """The id of a leg's marathon."""
        return f"{self.cycle}-{leg.leg}"

    @cached_property
    def operators(self) -> dict[str, str]:
        """Who operates which marathon, by its id: as the cycle file says."""
        legs = yaml.safe_load(self.cycle_file).get("legs", [])
        return {f"{self.cycle}-{leg['leg']}": str(leg.get("operated_by", "")) for leg in legs}


def load(path: Path, now: datetime) -> Script:
    """The play of a file. Raises :class:`ScriptError`."""
    raw = _yaml(path)
    try:
        values = _dated(_Script().load(raw), now)
    except ValidationError as error:
        lines = "\n".join(f"  {where}: {why}" for where, why in _flat(error.messages))
        raise ScriptError(f"{path.name} can't be played:\n{lines}") from error
    cycle_path = path.parent / values.pop("cycle_file")
    cycle = _yaml(cycle_path)
    if not isinstance(cycle, dict) or not isinstance(cycle.get("cycle"), str):
        raise ScriptError(f"{cycle_path.name} is no cycle file: it has no line 'cycle: …'.")
    return Script(cycle=cycle["cycle"], cycle_file=cycle_path.read_text("utf-8"), **values)


def _dated(values: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The values of a file with its legs' texts as instants. Raises ``ValidationError``."""
    legs = []
    for number, leg in enumerate(values["legs"]):
        text = leg.pop("starts_at", None)
        try:
            starts_at = instant(text, now) if text else None
        except ValidationError as error:
            raise ValidationError({"legs": {number: {"starts_at": error.messages}}}) from error
        legs.append(Leg(starts_at=starts_at, **leg))
    return {**values, "legs": tuple(legs)}


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ScriptError(f"{path} can't be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path.name} is no YAML: {error}") from error


def instant(text: str, now: datetime) -> datetime:
    """ "-330 days 09:00" (Paris), "-10 hours", or an instant. Raises ``ValidationError``."""
    relative = WHEN.fullmatch(text)
    if relative and relative["hours"]:
        return (now + timedelta(hours=int(relative["hours"]))).replace(second=0, microsecond=0)
    if relative:
        day = now.astimezone(PARIS) + timedelta(days=int(relative["days"]))
        hour, minute = int(relative["hour"]), int(relative["minute"])
        return day.replace(hour=hour, minute=minute, second=0, microsecond=0)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError(
            "write '-330 days 09:00', '-10 hours' or '2026-03-02T09:00'"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=PARIS)


def _flat(messages: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        inner = [
            _flat(value, f"{path}.{key}" if path else str(key)) for key, value in messages.items()
        ]
        return [line for lines in inner for line in lines]
    return [(path, " ".join(map(str, messages)))]


# --- the shape of the file --------------------------------------------------------------------


def _number(least: int, most: int, **more: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(least, most), **more)


class _Built(Schema):
    """A schema whose values become an object."""

    built: Any = None

    @post_load
    def _build(self, values: dict[str, Any], **_more: Any) -> Any:
        ready = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return self.built(**ready) if self.built else ready


class _Team(_Built):
    built = Team

    title = fields.String(required=True)
    activity = fields.String(required=True)
    pitch = fields.String(required=True)
    size = _number(1, 20)
    needs = fields.List(fields.String(validate=validate.OneOf(NEEDS)))
    surface_m2 = _number(0, 10_000)


class _Place(_Built):
    built = Place

    title = fields.String(required=True)
    street = fields.String(required=True)
    house_number = fields.String()
    capacity = _number(1, 50)
    surface_m2 = _number(1, 100_000)
    lacks = fields.List(fields.String(validate=validate.OneOf(NEEDS)))


class _Gift(_Built):
    built = Gift

    kind = fields.String(required=True)
    title = fields.String(required=True)
    quantity = _number(1, 10_000_000)
    donor = fields.String()
    rank = _number(1, 99)


class _Leg(_Built):
    leg = _number(1, 99, required=True)
    until = fields.String(required=True, validate=validate.OneOf(STAGES))
    starts_at = fields.String()
    host = fields.String(validate=validate.Regexp(r"^\d[\dAB]\d{3}\Z"))
    teams = fields.List(fields.Nested(_Team))
    premises = fields.List(fields.Nested(_Place))
    prizes = fields.List(fields.Nested(_Gift))
    jurors = _number(1, 30)
    coaches = _number(0, 30)
    ballots = _number(0, 100_000)
    recusals = _number(0, 30)


class _Script(_Built):
    play = fields.String(required=True)
    cycle_file = fields.String(required=True)
    invented = fields.String(required=True)
    seed = _number(0, 2**31, load_default=1)
    legs = fields.List(fields.Nested(_Leg), required=True, validate=validate.Length(1, 99))
