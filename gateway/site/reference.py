"""The reference of the API to read: one page, made of the table of routes and its OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask, render_template

from gateway.asking import parts
from gateway.memory import public
from gateway.routes import Route

Schema = Mapping[str, Any]
Document = Mapping[str, Any]

# What limits a value, in OpenAPI's own words: they are the same in every language.
LIMITS = ("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern")
EXAMPLES = {"date-time": "2026-06-05T18:00:00+02:00", "date": "2026-06-05"}
DEEPEST = 4


@dataclass(frozen=True)
class Value:
    """A value that goes in or comes out: its dotted name, type, limits and what it means."""

    name: str
    type: str
    required: bool = False
    limits: str = ""
    description: str = ""


@dataclass(frozen=True)
class Operation:
    """One row of the table, as somebody who writes a program needs it."""

    id: str
    method: str
    path: str
    summary: str
    who: str
    parameters: tuple[Value, ...]
    body: tuple[Value, ...]
    status: int
    gives: tuple[Value, ...]
    many: bool
    media: tuple[str, ...]
    problems: tuple[int, ...]
    curl: str


@dataclass(frozen=True)
class Chapter:
    """The operations of one service."""

    name: str
    title: str
    operations: tuple[Operation, ...]


def install(
    app: Flask, prefix: str, titles: Mapping[str, str], routes: Sequence[Route], document: Document
) -> None:
    """Adds the page: it is the API's own, so it is where the API is."""
    # Made once: it is the same for everybody.
    url = parts_url(app)
    chapters = tuple(
        Chapter(
            name,
            title,
            tuple(
                operation_of(document, route, prefix, url)
                for route in routes
                if route.service == name
            ),
        )
        for name, title in titles.items()
    )
    app.add_url_rule(f"{prefix}/", "reference", public(partial(page, chapters)))


def parts_url(app: Flask) -> str:
    """The address that the instance is known by."""
    found: str = app.extensions["gateway"].settings.public_url
    return found.rstrip("/")


def page(chapters: tuple[Chapter, ...]) -> str:
    """All operations, service by service."""
    return render_template("reference.html", chapters=chapters, url=parts().settings.public_url)


def operation_of(document: Document, route: Route, prefix: str, url: str) -> Operation:
    """A row of the table with what the document says of it."""
    path = prefix + route.path.replace("<", "{").replace(">", "}")
    item = document["paths"][path]
    described = item[route.method.lower()]
    given = [
        resolved(document, each)
        for each in (*item.get("parameters", ()), *described.get("parameters", ()))
    ]
    body = _schema_in(described.get("requestBody", {}))
    answer = described["responses"][str(route.status)]
    gives = resolved(document, _schema_in(answer))
    return Operation(
        id=route.endpoint,
        method=route.method,
        path=path,
        summary=route.summary,
        who=route.who.value,
        parameters=tuple(_parameter(document, each) for each in given),
        body=tuple(values(document, body)),
        status=route.status,
        gives=tuple(values(document, gives.get("items", gives))),
        many=gives.get("type") == "array",
        media=tuple(answer.get("content", ())),
        problems=tuple(int(each) for each in described["responses"] if int(each) >= 400),
        curl=curl(route, url + path, example(document, body)),
    )


def values(document: Document, schema: Schema, inside: str = "", depth: int = 0) -> Iterator[Value]:
    """The values of an object, those of objects within it by dotted names."""
    found = resolved(document, schema)
    required = found.get("required", ())
    for name, inner in found.get("properties", {}).items():
        one = resolved(document, inner)
        dotted = f"{inside}{name}"
        yield Value(
            dotted, kind(document, one), name in required, limits(one), one.get("description", "")
        )
        below = resolved(document, one.get("items", one))
        if depth < DEEPEST and "properties" in below:
            ending = "[]." if "items" in one else "."
            yield from values(document, below, dotted + ending, depth + 1)


def kind(document: Document, schema: Schema) -> str:
    """A value's type in a word or two; ``null`` where that may stand for nothing."""
    types = schema.get("type", ())
    names = [types] if isinstance(types, str) else list(types)
    if "array" in names:
        inner = kind(document, resolved(document, schema.get("items", {})))
        names[names.index("array")] = f"{inner}[]"
    if schema.get("format"):
        names = [schema["format"] if name == "string" else name for name in names]
    return " | ".join(names) or "any"


def limits(schema: Schema) -> str:
    """What limits a value, and what it is when it is left out."""
    found = [f"{name} {schema[name]}" for name in LIMITS if name in schema]
    if "enum" in schema:
        found.append(" | ".join(str(each) for each in schema["enum"]))
    if schema.get("default") is not None:
        found.append(f"default {json.dumps(schema['default'], ensure_ascii=False)}")
    return ", ".join(found)


def resolved(document: Document, schema: Schema) -> Schema:
    """A schema, parameter or answer behind its reference; of alternatives the first real one."""
    alternatives = schema.get("anyOf") or schema.get("allOf")
    if alternatives:
        real = next(each for each in alternatives if each.get("type") != "null")
        return {**resolved(document, real), **{k: v for k, v in schema.items() if k[1:] != "llOf"}}
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return resolved(document, found)


def example(document: Document, schema: Schema) -> Any:
    """A value that the schema takes: what must be given, and nothing else."""
    found = resolved(document, schema)
    if "enum" in found:
        return found["enum"][0]
    if "properties" in found:
        required = found.get("required", ())
        return {
            name: example(document, inner)
            for name, inner in found["properties"].items()
            if name in required
        }
    return _simple(document, found)


def _simple(document: Document, schema: Schema) -> Any:
    types = schema.get("type", "object")
    name = types if isinstance(types, str) else types[0]
    if name == "array":
        return [example(document, schema.get("items", {}))]
    if name == "string":
        return EXAMPLES.get(schema.get("format", ""), "…")
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": True}.get(name, {})


def curl(route: Route, address: str, body: Any) -> str:
    """The operation as a command for a terminal."""
    lines = [f"curl '{address}'" if route.reads else f"curl -X {route.method} '{address}'"]
    lines.append("-H 'Authorization: Bearer mit_…'")
    if not route.reads:
        lines.append("-H 'Content-Type: application/json'")
        lines.append("-H 'Idempotency-Key: …'")
        lines.append(f"-d '{json.dumps(body, ensure_ascii=False)}'")
    return " \\\n  ".join(lines)


def _parameter(document: Document, given: Schema) -> Value:
    schema = resolved(document, given.get("schema", {}))
    what = given.get("description") or schema.get("description", "")
    name = f"{given['name']} ({given['in']})"
    return Value(name, kind(document, schema), given.get("required", False), limits(schema), what)


def _schema_in(described: Schema) -> Schema:
    """The JSON schema of a body or an answer."""
    found: Schema = described.get("content", {}).get("application/json", {}).get("schema", {})
    return found
