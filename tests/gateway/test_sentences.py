"""What is said when something is refused: whole in French and in English."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from marshmallow import Schema, ValidationError, fields, validate

from gateway import field_errors
from gateway.languages import FOLDER, load
from gateway.routes import CLOCK, MAILS, ROUTES, Route
from gateway.sentences import told
from gateway.translations.refusals import catalogue, said
from services.chassis.errors import NotFound, Refusal, Unavailable

ALL_ROUTES = (*ROUTES, *CLOCK, *MAILS)
REFUSALS = FOLDER / "en" / "LC_MESSAGES" / "refusals.po"
TREE = Path(__file__).parents[2]
# A file that is loaded once a cycle, by somebody who writes it in French.
OWN_WORDS = {"services/registration/cycle_file.py", "services/voting/messages_ballots.py"}


@pytest.fixture(scope="module")
def english() -> dict[tuple[str | None, str], str]:
    """The English catalogue of refusals: by context and key."""
    with REFUSALS.open("rb") as file:
        found = read_po(file, locale="en")
    return {(each.context, str(each.id)): str(each.string) for each in found if each.id}


# --- refusals -----------------------------------------------------------------------------


def test_scan_finds_what_is_known_to_be_said() -> None:
    found = {(one.code, one.part, one.text) for one in said()}
    for known in (
        ("proof_used", "hint", "Demandez un nouveau message."),
        ("scoring_closed", "detail",
         "Les fiches se remettent du départ du marathon jusqu’au palmarès."),
        ("forbidden", "detail", "Seule l’équipe voit ses membres."),
        ("forbidden", "detail", "Vous n’avez pas le droit de faire cela."),
        ("criterion_unknown", "detail", "La fiche porte un critère que la grille n’a pas."),
        ("team_full", "detail", None),
        ("unavailable", "detail", None),
    ):  # fmt: skip
        assert known in found, known
    assert len({one.code for one in said()}) > 100


def test_english_says_every_sentence_and_no_other(
    english: dict[tuple[str | None, str], str],
) -> None:
    wanted = {(each.context, str(each.id)) for each in catalogue("en") if each.id}
    assert english.keys() == wanted, "run: python -m gateway.translations"
    assert [key for key, sentence in english.items() if not sentence] == []


def test_composed_english_names_only_what_every_such_refusal_carries(
    english: dict[tuple[str | None, str], str],
) -> None:
    for one in said():
        if one.text is None:
            named = set(re.findall(r"%\((\w+)\)", english[one.code, one.part]))
            assert named <= one.values, (one.where, one.code)


def test_english_is_not_french(english: dict[tuple[str | None, str], str]) -> None:
    for (_context, key), sentence in english.items():
        assert sentence != key
        assert not re.search(r"[«»’éèêàç]", sentence.replace("palmarès", "")), sentence


def test_what_the_gateway_says_is_marked_not_translated_where_it_is_said() -> None:
    """A refusal is told in both languages at the end: ``_`` would fix one at the beginning."""
    for path in sorted((TREE / "gateway").rglob("*.py")):
        for call in calls(path, {"Refusal", "Invalid", "Forbidden"}):
            translated = [each for each in ast.walk(call) if is_call(each, {"_", "gettext"})]
            assert not translated, f"{path}:{call.lineno}: write N_"


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    """The calls of these names in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if is_call(node, names):
            assert isinstance(node, ast.Call)
            yield node


def is_call(node: ast.AST, names: set[str]) -> bool:
    """Whether a node calls one of these names."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


@pytest.mark.parametrize(
    ("refusal", "detail", "hint"),
    [
        (
            NotFound("project", "p1"),
            "What you are looking for does not exist, or no longer does.",
            "Check the address.",
        ),
        (
            Unavailable("voting"),
            'The service "voting" does not answer right now.',
            "Try again in a few seconds.",
        ),
        (
            Refusal("move_impossible", "…", "…", state="draft", to="ended", allowed=["announced"]),
            "The marathon is draft: it can't move to ended.",
            "From there it can move to: announced.",
        ),
        (
            Refusal("move_impossible", "…", "…", state="closed", to="ended", allowed=[]),
            "The marathon is closed: it can't move to ended.",
            "From there it can move to: –.",
        ),
        (
            Refusal("move_not_ready", "…", "", missing=[{"code": "no_poll"}, {"code": "no_jury"}]),
            "Before the marathon moves on, this is missing: no_poll, no_jury.",
            "",
        ),
        (Refusal("made_up", ""), "", ""),
    ],
)
def test_told_in_english(app: Flask, refusal: Refusal, detail: str, hint: str) -> None:
    with app.test_request_context():
        found = told(refusal, "en")
        assert (found.detail, found.hint) == (detail, hint)
        french = told(refusal, "fr")
        assert (french.detail, french.hint) == (refusal.message, refusal.hint)


# --- fields -------------------------------------------------------------------------------


def messages_of(schema: Schema) -> set[str]:
    """Every sentence that a schema and its fields may say, as marshmallow has them."""
    found = {str(each) for each in schema.error_messages.values()}
    for field in schema.fields.values():
        found |= set(messages_of_field(field))
    return found


def messages_of_field(field: fields.Field[Any]) -> Iterator[str]:
    """A field's own, its rules' and those of what is inside it."""
    yield from (str(each) for each in field.error_messages.values())
    for rule in field.validators:
        yield from messages_of_rule(rule)
    if isinstance(field, fields.Nested):
        yield from messages_of(field.schema)
    if isinstance(field, fields.List):
        yield from messages_of_field(field.inner)
    if isinstance(field, fields.Dict):
        for inner in (field.key_field, field.value_field):
            if inner is not None:
                yield from messages_of_field(inner)


def messages_of_rule(rule: Any) -> Iterator[str]:
    """What a rule may say. Fails for a kind that is not known here."""
    known: dict[type[Any], tuple[str, ...]] = {
        validate.Length: ("message_min", "message_max", "message_all", "message_equal"),
        validate.Range: ("message_min", "message_max", "message_all"),
        validate.OneOf: ("default_message",),
        validate.Regexp: ("default_message",),
    }
    assert type(rule) in known, rule
    if rule.error is not None:
        yield str(rule.error)
        return
    for name in known[type(rule)]:
        text = str(getattr(rule, name))
        # Range says "greater than {min_op}": with its bounds in or out, four ways.
        yield re.sub(r"\{min_op\}|\{max_op\}", lambda m: getattr(rule, f"{m[0][1:-1]}", m[0]), text)


def filled(text: str) -> str:
    """A sentence as somebody gets it."""
    words = {"awareness": "aware", "obj_type": "datetime"}
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], "42"), text)


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_whatever_is_wrong_with_a_field_is_said_in_french(route: Route) -> None:
    schema = route.messages.takes
    if schema is None:
        return
    french = load()["fr"]
    for text in messages_of(schema()):
        sentence = filled(text)
        assert field_errors.told(sentence, french) != sentence, text


def test_sentences_of_the_services_are_in_the_table() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((TREE / "services").rglob("*.py")):
        where = str(path.relative_to(TREE))
        for call in calls(path, {"ValidationError"}):
            if where not in OWN_WORDS and isinstance(call.args[0], ast.Constant):
                found[str(call.args[0].value)].append(where)
    assert set(found) <= set(field_errors.SENTENCES), found
    assert len(found) > 5


@pytest.mark.parametrize(
    ("field", "value", "english", "french"),
    [
        (fields.String(required=True), ..., "Missing data for required field.",
         "Cette valeur est obligatoire."),
        (fields.Integer(strict=True, validate=validate.Range(1, 200)), 0,
         "Must be greater than or equal to 1 and less than or equal to 200.", "De 1 à 200."),
        (fields.Integer(strict=True, validate=validate.Range(min=1)), 0,
         "Must be greater than or equal to 1.", "Au moins 1."),
        (fields.String(validate=validate.Length(1, 5)), "", "Length must be between 1 and 5.",
         "La longueur va de 1 à 5."),
        (fields.String(validate=validate.Length(max=5)), "a" * 6, "Longer than maximum length 5.",
         "Trop long : au plus 5."),
        (fields.String(validate=validate.OneOf(["a", "b"])), "c", "Must be one of: a, b.",
         "Au choix : a, b."),
        (fields.AwareDateTime(), "soon", "Not a valid datetime.",
         "Ce n’est pas une date avec une heure."),
        (fields.List(fields.String()), "a", "Not a valid list.", "Ce n’est pas une liste."),
    ],
)  # fmt: skip
def test_marshmallow_s_sentences_are_as_the_table_has_them(
    field: fields.Field[Any], value: Any, english: str, french: str
) -> None:
    schema = type("One", (Schema,), {"value": field})()
    with pytest.raises(ValidationError) as refused:
        schema.load({} if value is ... else {"value": value})
    (sentence,) = refused.value.messages_dict["value"]
    assert sentence == english
    assert field_errors.told(sentence, load()["fr"]) == french
    assert field_errors.told(sentence, load()["en"]) == english


def test_a_sentence_that_nobody_knows_stays_as_it_is() -> None:
    for sentence in ("100 %", "%(name)s", "", "Must be one of:"):
        assert field_errors.told(sentence, load()["fr"]) == sentence


def test_every_door_that_can_be_asked_is_looked_at() -> None:
    doors = importlib.import_module("services.registration.messages").DOORS
    assert len(ALL_ROUTES) > 90
    assert {"list_projects", "register_project"} <= doors.keys()
