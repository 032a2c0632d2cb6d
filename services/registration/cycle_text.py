"""YAML read as plain text values that remember their lines.

Nothing is guessed from how a value looks: ``47179`` and ``no`` stay what was written (the
INSEE code 01004 would else become the number 516), and the schema says what each should be.
"""

from __future__ import annotations

from typing import Any

import yaml

Path = tuple[str | int, ...]

MOST_CHARACTERS = 200_000
MOST_DEPTH = 12


class TextError(Exception):
    """A text that can't be read, with the line (from 1) and the reason in French."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def read(text: str) -> tuple[Any, dict[Path, int]]:
    """The values of a YAML text, and the line of each by its path. Raises :class:`TextError`."""
    if len(text) > MOST_CHARACTERS:
        raise TextError(None, f"le fichier dépasse {MOST_CHARACTERS} caractères")
    try:
        _refuse_aliases(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark) if error.problem_mark else None
        raise TextError(line, f"YAML illisible : {error.problem}") from error
    except yaml.YAMLError as error:
        raise TextError(None, f"YAML illisible : {error}") from error
    if node is None:
        raise TextError(1, "le fichier est vide")
    lines: dict[Path, int] = {}
    return _value(node, (), lines), lines


def _refuse_aliases(text: str) -> None:
    # A few nested aliases can stand for billions of values; nesting, for a full stack.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise TextError(line, "les alias YAML (*nom) ne sont pas admis")
        if depth > MOST_DEPTH:
            raise TextError(line, "trop de niveaux imbriqués")


def _value(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    lines[path] = _line(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines) for index, item in enumerate(node.value)]
    return None if _is_nothing(node) else node.value


def _line(mark: Any) -> int:
    return int(mark.line) + 1


def _is_nothing(node: Any) -> bool:
    return node.style is None and node.value in ("", "~", "null")


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = _line(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise TextError(line, "une clé doit être un mot")
        if key.value in found:
            raise TextError(line, f"la clé « {key.value} » est écrite deux fois")
        found[key.value] = _value(value, (*path, key.value), lines)
        # The key's line: a list or mapping begins on the line after it.
        lines[*path, key.value] = line
    return found
