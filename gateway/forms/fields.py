"""One field of a form: how it looks by what its door takes, and how what was typed is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, fields, validate

from gateway.forms import labels
from services.chassis.territory import load as load_territory

PARIS = ZoneInfo("Europe/Paris")
LONG = 300  # characters, from which on a text gets several lines
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
WHOLE = re.compile(r"-?[0-9]{1,18}")
TYPES = {"instant": "datetime-local", "email": "email", "phone": "tel"}
AUTOCOMPLETE = {
    "name": "name",
    "email": "email",
    "phone": "tel",
    "code": "one-time-code",
    "street": "street-address",
    "postal_code": "postal-code",
}
COMMUNES = ("insee", "commune", "elected_in")
LIST_ROWS, LONG_ROWS = 3, 6
Taken = fields.Field[Any]


@dataclass(frozen=True)
class Field:
    """A field as a template shows it. ``name`` is the dotted path of its value in the request."""

    form: str
    name: str
    label: str
    kind: str
    """hidden, text, long, lines, integer, boolean, choice, instant, email, phone."""

    value: str = ""
    help: str = ""
    required: bool = False
    most: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    errors: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        """Its id in the page."""
        return f"{self.form}-{self.name.replace('.', '-')}"

    @property
    def type(self) -> str:
        """What kind of input takes it."""
        return TYPES.get(self.kind, "text")

    @property
    def inputmode(self) -> str:
        """Which keyboard a phone shows."""
        return "numeric" if self.kind == "integer" else ""

    @property
    def autocomplete(self) -> str:
        """What a browser may fill in."""
        return AUTOCOMPLETE.get(self.name.rpartition(".")[2], "")

    @property
    def is_long(self) -> bool:
        """Whether it takes several lines."""
        return self.kind in ("long", "lines")

    @property
    def rows(self) -> int:
        """How many lines it shows."""
        return LIST_ROWS if self.kind == "lines" else LONG_ROWS


def taken_at(schema: type[Schema] | Schema, path: str) -> Taken:
    """What a schema takes at a dotted path; a number names a place in a list.

    Raises ``KeyError`` where it takes nothing there: a form asks for what no door wants.
    """
    name, _dot, rest = path.partition(".")
    made = schema() if isinstance(schema, type) else schema
    by_name = {each.data_key or key: each for key, each in made.fields.items()}
    return _within(by_name[name], rest) if rest else by_name[name]


def _within(found: Taken, path: str) -> Taken:
    if isinstance(found, fields.Nested):
        return taken_at(found.schema, path)
    if isinstance(found, fields.List):
        _place, _dot, rest = path.partition(".")
        return _within(found.inner, rest) if rest else found.inner
    if isinstance(found, fields.Dict) and found.value_field is not None:
        return found.value_field
    raise KeyError(path)


def make(form: str, path: str, taken: Taken, value: str, errors: tuple[str, ...]) -> Field:
    """The field for what a door takes at ``path``."""
    name = path.rpartition(".")[2]
    choices = _choices(name, taken)
    return Field(
        form=form,
        name=path,
        label=labels.label(path),
        kind=_kind(name, taken, bool(choices)),
        value=value,
        help=labels.help_for(path),
        required=taken.required,
        most=_most(taken),
        choices=choices,
        errors=errors,
    )


def _kind(name: str, taken: Taken, has_choices: bool) -> str:
    if has_choices:
        return "choice"
    by_type = {fields.Boolean: "boolean", fields.AwareDateTime: "instant", fields.List: "lines"}
    found = next((kind for type_, kind in by_type.items() if isinstance(taken, type_)), None)
    if found is None and isinstance(taken, fields.Integer):
        found = "integer"
    if found is None and name in TYPES:
        found = name
    return found or ("long" if (_most(taken) or 0) > LONG else "text")


def _most(taken: Taken) -> int | None:
    lengths = [rule.max for rule in taken.validators if isinstance(rule, validate.Length)]
    return lengths[0] if lengths and isinstance(taken, fields.String) else None


def _choices(name: str, taken: Taken) -> tuple[tuple[str, str], ...]:
    if name in COMMUNES:
        return (("", labels.choose()), *communes())
    options = [rule.choices for rule in taken.validators if isinstance(rule, validate.OneOf)]
    if not options:
        return ()
    # What is taken by default is chosen already; anything else is for the person to choose.
    nothing = () if isinstance(taken.load_default, str) else (("", labels.choose()),)
    return (*nothing, *((str(value), labels.choice(name, str(value))) for value in options[0]))


@cache
def communes() -> tuple[tuple[str, str], ...]:
    """All communes of the territory by name: the INSEE code, and how it reads."""
    found = load_territory().by_insee.values()
    lines = [(commune.insee, f"{commune.name} ({commune.postal_codes[0]})") for commune in found]
    return tuple(sorted(lines, key=lambda line: line[1]))


# --- between text and values --------------------------------------------------------------


def shown(kind: str, value: Any) -> str:
    """A value as the field shows it."""
    if value is None:
        return ""
    if kind == "boolean":
        return "true" if value else ""
    if kind == "lines":
        return "\n".join(value)
    if kind == "instant":
        return datetime.fromisoformat(value).astimezone(PARIS).strftime("%Y-%m-%dT%H:%M")
    return str(value)


def read(kind: str, text: str) -> Any:
    """What was typed, as a value; None for nothing.

    What can't be read stays the text that it is: the door says what is wrong with it.
    """
    text = text.strip() if kind != "long" else text.replace("\r\n", "\n").strip()
    if kind == "boolean":
        return text == "true"
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if not text:
        return None
    if kind == "integer" and WHOLE.fullmatch(text):
        return int(text)
    if kind == "decimal":
        return _decimal(text)
    return _instant(text) if kind == "instant" else text


def _decimal(text: str) -> float | int | str:
    """A number as it is typed in French or in English; anything else stays text."""
    plain = text.replace(",", ".")
    if not DECIMAL.fullmatch(plain):
        return text
    return float(plain) if "." in plain else int(plain)


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    # Hours are typed as the clock on the town hall shows them (RULES C3).
    return (found if found.tzinfo else found.replace(tzinfo=PARIS)).isoformat()
