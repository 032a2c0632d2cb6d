"""What services and gateway say when they refuse: found in the code, for English to be complete.

A service writes French. A sentence that is always the same is a key of the English catalogue by
itself; one that a service composes is found there by its code, as ``detail`` or ``hint``, and
may name the values that the refusal carries beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog

TREE = Path(__file__).parents[2]
FOLDERS = ("services", "gateway")
# Where in a call there are code, sentence and hint.
REFUSING = {
    "Refusal": (0, 1, 2),
    "Invalid": (0, 1, 2),
    "at_work": (3, 4, None),
    "Forbidden": (None, 0, None),
    # A class of errors.py that calls its base.
    "__init__": (0, 1, 2),
}
PARTS = ("detail", "hint")
Names = dict[str, list[ast.expr]]
NAMED = ("message", "hint")


@dataclass(frozen=True)
class Said:
    """One sentence at one place; ``text`` is None where it is composed."""

    where: str
    code: str
    part: str
    text: str | None
    values: frozenset[str]


def said() -> list[Said]:
    """All sentences of all refusals, but for those that only pass one on."""
    files = (path for folder in FOLDERS for path in sorted((TREE / folder).rglob("*.py")))
    return [one for path in files for one in _in_file(path)]


def catalogue(language: str) -> Catalog:
    """What an English catalogue of the refusals holds."""
    found = Catalog(locale=language, project="Incroyable Territoire", charset="utf-8")
    for one in said():
        if one.text is None:
            found.add(one.part, None, context=one.code)
        elif one.text:
            found.add(one.text)
    return found


def _in_file(path: Path) -> Iterator[Said]:
    tree = ast.parse(path.read_text())
    where = str(path.relative_to(TREE))
    module = _constants(tree)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            names = module | _constants(function)
            for call in _calls(function):
                yield from _in_call(call, where, names)
    yield from _in_tables(where, module)


def _calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _name(node.func) in REFUSING:
            yield node


def _in_call(call: ast.Call, where: str, names: Names) -> Iterator[Said]:
    places = REFUSING[_name(call.func)]
    code = "forbidden" if places[0] is None else _text(_argument(call, places[0], "code"), names)
    values = frozenset(each.arg for each in call.keywords if each.arg) - {*NAMED, "status"}
    for part, place, name in zip(PARTS, places[1:], NAMED, strict=True):
        given = _argument(call, place, name)
        for text in _choices(given, names):
            # Who does not know the code, or is the gateway, only passes a sentence on.
            composed = code is not None and not where.startswith("gateway")
            if text is not None or composed:
                yield Said(where, code or "", part, text, values)


def _choices(given: ast.expr | None, names: Names) -> Iterator[str | None]:
    """The sentences that an argument may be; nothing where the gateway's own ``N_`` marks it."""
    if given is None or (isinstance(given, ast.Call) and _name(given.func) in ("N_", "_")):
        return
    if isinstance(given, ast.IfExp):
        yield from _choices(given.body, names)
        yield from _choices(given.orelse, names)
        return
    if isinstance(given, ast.Name) and given.id in names:
        for value in names[given.id]:
            yield from _choices(value, names)
        return
    yield _text(given, names)


def _in_tables(where: str, names: Names) -> Iterator[Said]:
    """The sentences of tables by code, which are called ``…SENTENCES``."""
    tables = ((name, table) for name, values in names.items() for table in values)
    for name, table in tables:
        if not name.endswith("SENTENCES") or not isinstance(table, ast.Dict):
            continue
        for key, value in zip(table.keys, table.values, strict=True):
            if isinstance(value, ast.Tuple):
                for part, given in zip(PARTS, value.elts, strict=True):
                    code = _text(key, names) or ""
                    yield Said(where, code, part, _text(given, names), frozenset())


def _constants(scope: ast.AST) -> Names:
    """What names may stand for in a module or function."""
    found: Names = {}
    for node in ast.walk(scope) if isinstance(scope, ast.FunctionDef) else _body(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found.setdefault(node.target.id, []).append(node.value)
    if isinstance(scope, ast.FunctionDef):
        positional = [*scope.args.posonlyargs, *scope.args.args]
        named = positional[len(positional) - len(scope.args.defaults) :]
        for argument, default in zip(named, scope.args.defaults, strict=True):
            found.setdefault(argument.arg, []).append(default)
    return found


def _body(scope: ast.AST) -> Iterator[ast.AST]:
    yield from scope.body if isinstance(scope, ast.Module) else ()


def _argument(call: ast.Call, place: int | None, name: str) -> ast.expr | None:
    if place is not None and place < len(call.args):
        return call.args[place]
    return next((each.value for each in call.keywords if each.arg == name), None)


def _text(given: ast.expr | None, names: Names) -> str | None:
    if isinstance(given, ast.Name) and given.id in names:
        return _text(names[given.id][0], {})
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""
