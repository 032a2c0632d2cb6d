"""A form: some fields of what a route's door takes, with what was typed and what was refused."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from gateway.forms import fields
from gateway.forms.error import Error
from gateway.forms.fields import Field
from gateway.problems import problem_of
from gateway.routes import Route
from services.chassis.errors import Refusal

Typed = Mapping[str, str]
Options = Mapping[str, tuple[tuple[str, str], ...]]
"""What a field may choose from, by path, where its door does not say."""

NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True)
class Group:
    """Fields that belong together, under a legend or (empty) under none."""

    legend: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Form:
    """A form as a template shows it. ``key`` makes a second press of its button harmless."""

    name: str
    groups: tuple[Group, ...]
    key: str
    refusal: Refusal | None = None
    errors: tuple[Error, ...] = field(default=())


@dataclass(frozen=True)
class Sheet:
    """Which fields of a route's request a form shows, in groups: legend and dotted paths."""

    name: str
    route: Route
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    needs: tuple[str, ...] = ()
    """Fields that must be filled in here, although their door does without."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths, in order."""
        return tuple(path for _legend, paths in self.groups for path in paths)


def sheet(name: str, route: Route, *paths: str) -> Sheet:
    """A sheet with one group and no legend."""
    return Sheet(name, route, (("", paths),))


def blank(
    sheet: Sheet,
    stored: Mapping[str, Any] | None = None,
    options: Options = NO_OPTIONS,
    given: Typed = MappingProxyType({}),
) -> Form:
    """The form as it is first shown: with what the page's address gives, else what is stored,
    else what is taken by default."""
    texts = {path: given.get(path) or _first(sheet, path, stored) for path in sheet.paths}
    return _form(sheet, texts, options)


def again(sheet: Sheet, typed: Typed, refusal: Refusal, options: Options = NO_OPTIONS) -> Form:
    """The form as it was typed, with what was refused."""
    texts = {path: typed.get(path, "") for path in sheet.paths}
    return _form(sheet, texts, options, refusal, typed.get("form_key", ""))


def request_of(
    sheet: Sheet, typed: Typed, stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What was typed, as the door's request; what was left empty is left out.

    Of a change to what is ``stored`` only that which differs: a whole (an address, all needs)
    where any of it does, for a door takes a whole as it is.
    """
    wanted: dict[str, Any] = {}
    for path in _changed(sheet, typed, stored):
        taken = _taken(sheet, path)
        value = fields.read(_field(sheet, path, "", ()).kind, typed.get(path, ""))
        # An emptied field of a change takes the value away, where the door lets it.
        if value is not None or (sheet.route.method == "PATCH" and taken.allow_none):
            _put(wanted, path.split("."), value)
    return wanted


def _changed(sheet: Sheet, typed: Typed, stored: Mapping[str, Any] | None) -> list[str]:
    if stored is None:
        return list(sheet.paths)
    changed = {
        path.partition(".")[0]
        for path in sheet.paths
        if _plain(typed.get(path, "")) != _plain(_first(sheet, path, stored))
    }
    return [path for path in sheet.paths if path.partition(".")[0] in changed]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _form(
    sheet: Sheet,
    texts: Mapping[str, str],
    options: Options,
    refusal: Refusal | None = None,
    key: str = "",
) -> Form:
    found = problem_of(refusal, "")["errors"] if refusal else []
    groups = tuple(
        Group(legend, tuple(_made(sheet, path, texts[path], options, found) for path in paths))
        for legend, paths in sheet.groups
        if paths
    )
    shown = {one.name: one for group in groups for one in group.fields}
    return Form(
        sheet.name,
        groups,
        # What was refused was not carried out: the same key serves the next try.
        key or uuid.uuid4().hex,
        refusal,
        tuple(_error(shown, sheet.paths, each) for each in found),
    )


def _made(
    sheet: Sheet, path: str, text: str, options: Options, found: Sequence[Mapping[str, str]]
) -> Field:
    one = _field(sheet, path, text, _messages(path, sheet.paths, found))
    one = replace(one, required=one.required or path in sheet.needs)
    if path not in options:
        return one
    return replace(one, kind="choice", choices=options[path])


def _messages(
    path: str, paths: Sequence[str], found: Sequence[Mapping[str, str]]
) -> tuple[str, ...]:
    return tuple(each["message"] for each in found if _owner(each["field"], paths) == path)


def _error(shown: Mapping[str, Field], paths: Sequence[str], each: Mapping[str, str]) -> Error:
    owner = _owner(each["field"], paths)
    if owner is None:
        return Error("", each["message"], "")
    return Error(shown[owner].label, each["message"], shown[owner].id)


def _owner(name: str, paths: Sequence[str]) -> str | None:
    """The field that an error belongs to: its own, else the first one inside what it names."""
    if name in paths:
        return name
    inside = (path for path in paths if path.startswith(f"{name}.") or name.startswith(f"{path}."))
    return next(inside, None)


def _field(sheet: Sheet, path: str, text: str, messages: tuple[str, ...]) -> Field:
    return fields.make(sheet.name, path, _taken(sheet, path), text, messages)


def _taken(sheet: Sheet, path: str) -> fields.Taken:
    schema = sheet.route.messages.takes
    if schema is None:
        raise KeyError(path)
    return fields.taken_at(schema, path)


def _first(sheet: Sheet, path: str, stored: Mapping[str, Any] | None) -> str:
    taken = _taken(sheet, path)
    kind = _field(sheet, path, "", ()).kind
    value = _get(stored, path.split(".")) if stored is not None else taken.load_default
    simple = isinstance(value, str | bool | int | list)
    return fields.shown(kind, value) if simple else ""


def _get(stored: Any, path: Sequence[str]) -> Any:
    for name in path:
        if isinstance(stored, Mapping):
            stored = stored.get(name)
        elif isinstance(stored, Sequence) and name.isdigit() and int(name) < len(stored):
            stored = stored[int(name)]
        else:
            return None
    return stored


def _put(wanted: Any, path: Sequence[str], value: Any) -> None:
    """Puts a value at its place, making the objects and lists around it."""
    name, rest = path[0], path[1:]
    if isinstance(wanted, list):
        place = int(name)
        while len(wanted) <= place:
            wanted.append({})
        if rest:
            _put(wanted[place], rest, value)
        else:
            wanted[place] = value
        return
    if not rest:
        wanted[name] = value
        return
    _put(wanted.setdefault(name, [] if rest[0].isdigit() else {}), rest, value)
