"""The cycle file: one readable description of a season, checked whole (RULES C5).

It is public by its nature: whoever operates a leg has it. A host town stands in it only once
it may be known by everybody (RULES C4).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate

from services.chassis import territory
from services.chassis.errors import Invalid, Refusal
from services.registration import changes
from services.registration.cycle_text import Path, TextError, read
from services.registration.marathons import LENGTH
from services.registration.messages_cycle import LEAST_SUSPECT, TIE_RULES, WHO_MAY_VOTE
from services.registration.partners import keys

PARIS = ZoneInfo("Europe/Paris")
SLUG = validate.Regexp(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", error="minuscules, chiffres et tirets")
SIREN = validate.Regexp(r"^\d{9}\Z", error="neuf chiffres")
INSEE = validate.Regexp(r"^\d[\dAB]\d{3}\Z", error="un code INSEE de cinq caractères")
REASONS = {
    "required": "valeur obligatoire manquante",
    "null": "valeur obligatoire manquante",
    "invalid": "valeur illisible",
    "type": "doit être un ensemble « clé : valeur »",
    "unknown": "clé inconnue",
}
INVALID: dict[type[Any], str] = {
    fields.String: "doit être un texte",
    fields.Integer: "doit être un nombre entier",
    fields.Boolean: "doit être yes ou no",
    fields.Date: "date illisible : AAAA-MM-JJ",
    fields.List: "doit être une liste",
}
SHAPE_REASONS = {name: REASONS[name] for name in ("type", "unknown")}


class FrenchSchema(Schema):
    """A schema whose reasons are French sentences' ends."""

    error_messages = SHAPE_REASONS


def _named(kind: type[fields.Field[Any]], *args: Any, **more: Any) -> Any:
    invalid = {"invalid": INVALID[kind]} if kind in INVALID else {}
    return kind(*args, error_messages={**REASONS, **invalid}, **more)


def _text(most: int, *more: Any, **rest: Any) -> Any:
    length = validate.Length(1, most, error="de {min} à {max} caractères")
    return _named(fields.String, validate=[length, *more], **rest)


def _number(least: int, most: int, **more: Any) -> Any:
    span = validate.Range(least, most, error="un nombre entre {min} et {max}")
    return _named(fields.Integer, validate=span, **more)


def _one_of(*values: str, **more: Any) -> Any:
    known = validate.OneOf(values, error="au choix : {choices}")
    return _named(fields.String, validate=known, **more)


def _optional(build: Any, *args: Any, **more: Any) -> Any:
    return build(*args, load_default=None, allow_none=True, **more)


class LocalInstant(fields.Field[datetime]):
    """An instant; without an offset it is Paris's time (RULES C3)."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        try:
            found = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValidationError("instant illisible : AAAA-MM-JJTHH:MM") from None
        if len(value) <= len("2023-06-02"):
            raise ValidationError("il manque l’heure ; pour un jour seul, first_day et last_day")
        return (found if found.tzinfo else found.replace(tzinfo=PARIS)).astimezone(UTC)


class Programme(FrenchSchema):
    """Who runs the programme, and where what is said here comes from."""

    name = _text(200, required=True)
    run_by = _text(200, required=True)
    description = _optional(_text, 2000)
    sources = _named(fields.List, _text(500), load_default=list)


class RelayRules(FrenchSchema):
    """How the baton is handed on; the joint body is the partner who may reassign it."""

    days_to_answer = _number(1, 365, load_default=14)
    joint_body = _optional(_text, 64, SLUG)


class Partner(FrenchSchema):
    """An instance that operates legs; ``public_key`` is Ed25519, base64."""

    name = _text(64, SLUG, required=True)
    title = _text(200, required=True)
    url = _optional(_text, 300)
    public_key = _optional(_text, 100)


class LegSettings(FrenchSchema):
    """How the public votes on this leg."""

    poll_opens_at = _optional(LocalInstant)
    poll_closes_at = _optional(LocalInstant)
    who_may_vote = _one_of(*WHO_MAY_VOTE, load_default="everyone")
    elsewhere_may_vote = _named(fields.Boolean, load_default=True)
    tie_rule = _one_of(*TIE_RULES, load_default="shared")
    hold_days = _number(0, 365, load_default=0)
    # Without a default: a file that does not name them says what it said before they came.
    suspect_network = _number(LEAST_SUSPECT, 10**9, allow_none=True)
    suspect_domain = _number(LEAST_SUSPECT, 10**9, allow_none=True)
    suspect_second = _number(LEAST_SUSPECT, 10**9, allow_none=True)
    close_by_itself = _named(fields.Boolean, load_default=False)
    teams_formed_by = _optional(LocalInstant)


class Leg(FrenchSchema):
    """One marathon; what is not public is left out."""

    leg = _number(1, 99, required=True)
    epci = _text(9, SIREN, required=True)
    title = _optional(_text, 200)
    theme = _text(200, required=True)
    question = _text(300, required=True)
    operated_by = _text(64, required=True)
    announced = _named(fields.Boolean, load_default=True)
    host = _optional(_text, 5, INSEE)
    first_day = _optional(_named, fields.Date)
    last_day = _optional(_named, fields.Date)
    mobilises_at = _optional(LocalInstant)
    starts_at = _optional(LocalInstant)
    ends_at = _optional(LocalInstant)
    least_teams = _number(1, 99, load_default=6)
    most_teams = _number(1, 99, load_default=12)
    finale = _named(fields.Boolean, load_default=False)
    settings = _named(fields.Nested, LegSettings, load_default=lambda: LegSettings().load({}))
    notes = _optional(_text, 1000)


class CycleFile(FrenchSchema):
    """A whole cycle file."""

    cycle = _text(60, SLUG, required=True)
    title = _text(200, required=True)
    programme = _named(fields.Nested, Programme, required=True)
    relay = _named(fields.Nested, RelayRules, load_default=lambda: RelayRules().load({}))
    partners = _named(fields.List, fields.Nested(Partner), required=True)
    legs = _named(
        fields.List,
        fields.Nested(Leg),
        required=True,
        validate=validate.Length(1, 99, error="au moins un marathon"),
    )


Problem = tuple[Path, str]


def load(file: Any) -> dict[str, Any]:
    """The checked values of a cycle file, given as YAML text or as parsed JSON.

    Raises ``Invalid("cycle_file_invalid")`` with every problem: line (null for JSON), where,
    reason.
    """
    data, lines = _parsed(file)
    try:
        loaded: dict[str, Any] = CycleFile().load(data)
    except ValidationError as error:
        raise _refusal(list(_flat(error.messages)), lines) from error
    if problems := list(_contradictions(loaded)):
        raise _refusal(problems, lines)
    return _completed(loaded)


def digest(loaded: dict[str, Any]) -> str:
    """The SHA-256 of what a file says: comments, order of keys and layout don't count."""
    return hashlib.sha256(json.dumps(plain(loaded), sort_keys=True).encode()).hexdigest()


def plain(loaded: dict[str, Any]) -> dict[str, Any]:
    """The values as JSON."""
    copy: dict[str, Any] = json.loads(json.dumps(loaded, default=lambda value: value.isoformat()))
    return copy


def _parsed(file: Any) -> tuple[Any, dict[Path, int]]:
    if not isinstance(file, str):
        return file, {}
    try:
        return read(file)
    except TextError as error:
        raise _refusal([((), error.reason)], {(): error.line or 1}) from error


def _completed(loaded: dict[str, Any]) -> dict[str, Any]:
    """Fills in what follows from the rest: a title, the end of 36 hours (RULES C3)."""
    for leg in loaded["legs"]:
        leg["title"] = leg["title"] or f"Marathon {leg['leg']} – {epci_name(leg['epci'])}"
        if leg["starts_at"] and not leg["ends_at"]:
            leg["ends_at"] = leg["starts_at"] + LENGTH
    if loaded["relay"]["joint_body"] is None:
        # A file that names none says the same as before one could be named.
        del loaded["relay"]["joint_body"]
    loaded["legs"].sort(key=lambda leg: leg["leg"])
    return loaded


def epci_name(siren: str) -> str:
    """The name of an intercommunality of the territory; of any other, its SIREN."""
    epci = territory.load().epci(siren)
    return epci.name if epci else siren


# --- what the shape alone can't tell ------------------------------------------------------


def _contradictions(loaded: dict[str, Any]) -> Iterator[Problem]:
    operators = [partner["name"] for partner in loaded["partners"]]
    for index, name in enumerate(operators):
        if name in operators[:index]:
            yield ("partners", index, "name"), f"le partenaire « {name} » est déclaré deux fois"
        yield from (
            (("partners", index, *key), why) for key, why in _partner_problems(loaded, index)
        )
    joint_body = loaded["relay"]["joint_body"]
    if joint_body is not None and joint_body not in operators:
        yield ("relay", "joint_body"), f"« {joint_body} » n’est pas un partenaire déclaré"
    yield from _order(loaded["legs"])
    for index, leg in enumerate(loaded["legs"]):
        for key, reason in _leg_problems(leg, operators):
            yield ("legs", index, *key), reason


def _partner_problems(loaded: dict[str, Any], index: int) -> Iterator[Problem]:
    partner = loaded["partners"][index]
    if partner["public_key"] is not None:
        try:
            keys.public_of(partner["public_key"])
        except keys.KeyUnusable:
            yield ("public_key",), "n’est pas une clé publique Ed25519 en base64"
    if partner["url"] is not None and not partner["url"].startswith(("https://", "http://")):
        yield ("url",), "doit commencer par https://"


def _order(legs: list[dict[str, Any]]) -> Iterator[Problem]:
    numbers = [leg["leg"] for leg in legs]
    for index, leg in enumerate(legs):
        if leg["leg"] in numbers[:index]:
            yield ("legs", index, "leg"), f"deux marathons portent le numéro {leg['leg']}"
        elif leg["leg"] > len(legs):
            yield ("legs", index, "leg"), f"les numéros vont de 1 à {len(legs)}, sans trou"
        if leg["finale"] and leg["leg"] != max(numbers):
            yield ("legs", index, "finale"), "la finale est le dernier marathon"


def _leg_problems(leg: dict[str, Any], operators: list[str]) -> Iterator[Problem]:
    epci = territory.load().epci(leg["epci"])
    if epci is None:
        yield ("epci",), f"l’intercommunalité {leg['epci']} n’est pas dans le territoire"
    elif leg["host"] and leg["host"] not in {commune.insee for commune in epci.communes}:
        yield ("host",), f"la commune {leg['host']} n’est pas dans « {epci.name} »"
    if leg["operated_by"] not in operators:
        yield ("operated_by",), f"« {leg['operated_by']} » n’est pas un partenaire déclaré"
    if leg["least_teams"] > leg["most_teams"]:
        yield ("least_teams",), "le minimum d’équipes dépasse le maximum"
    yield from _date_problems(leg)


def _date_problems(leg: dict[str, Any]) -> Iterator[Problem]:
    first, last = leg["first_day"], leg["last_day"]
    if _is_before(last, first) or (last and not first):
        yield ("last_day",), "le dernier jour vient avant le premier, ou sans lui"
    settings = leg["settings"]
    try:
        changes.check_dates(leg["mobilises_at"], leg["starts_at"], leg["ends_at"])
        changes.check_window(settings["poll_opens_at"], settings["poll_closes_at"])
    except Invalid as error:
        key = ("ends_at",) if error.code == "dates_disordered" else ("settings",)
        yield key, error.message


def _is_before(day: date | None, other: date | None) -> bool:
    return day is not None and other is not None and day < other


# --- problems with their lines ------------------------------------------------------------


def _flat(messages: Any, path: Path = ()) -> Iterator[Problem]:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _flat(value, path if key == "_schema" else (*path, key))
    else:
        for message in messages:
            yield path, str(message)


def _refusal(problems: list[Problem], lines: dict[Path, int]) -> Refusal:
    errors = [
        {"line": _line(path, lines), "where": _where(path), "reason": reason}
        for path, reason in problems
    ]
    errors.sort(key=lambda error: error["line"] or 0)
    return Invalid(
        "cycle_file_invalid",
        "Le fichier de cycle est refusé ; rien n’a été chargé. "
        + " ; ".join(_sentence(error) for error in errors[:10]),
        "Corrigez le fichier et chargez-le à nouveau.",
        errors=errors,
    )


def _line(path: Path, lines: dict[Path, int]) -> int | None:
    """The line of a value, or of the nearest thing around it that is in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _where(path: Path) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in path)


def _sentence(error: dict[str, Any]) -> str:
    line = f"ligne {error['line']}" if error["line"] else ""
    place = ", ".join(part for part in (line, error["where"]) if part)
    return f"{place} : {error['reason']}" if place else str(error["reason"])
