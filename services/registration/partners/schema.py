"""The JSON Schema of packages, made from the schemas that check them.

``python -m services.registration.partners.schema`` writes ``docs/relay/package.schema.json``; a
test holds it current.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from services.registration.partners import bodies
from services.registration.partners.package import FORMAT, Envelope

PATH = Path(__file__).resolve().parents[3] / "docs" / "relay" / "package.schema.json"
REF = "#/components/schemas/"


def document() -> dict[str, Any]:
    """The schema of a signed package, draft 2020-12."""
    spec = APISpec("", "", "3.1.0", plugins=[MarshmallowPlugin(schema_name_resolver=_name)])
    for kind, body in bodies.BODIES.items():
        spec.components.schema(kind, schema=body)
    spec.components.schema("Envelope", schema=Envelope)
    parts = {name: _strict(part) for name, part in sorted(spec.components.schemas.items())}
    for kind, body in bodies.BODIES.items():
        parts[kind] = {"description": " ".join((body.__doc__ or "").split()), **parts[kind]}
    envelope = parts.pop("Envelope")
    envelope["properties"]["format"] = {"const": FORMAT}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:incroyable-territoire:relay:package:{FORMAT}",
        "title": "A signed package between two instances (docs/relay-protocol.md)",
        **envelope,
        "allOf": [_if(kind) for kind in bodies.BODIES],
        "$defs": parts,
    }


def _name(schema: Any) -> str:
    found = schema if isinstance(schema, type) else type(schema)
    return str(found.__name__)


def _if(kind: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"body": {"$ref": f"#/$defs/{kind}"}}
    if kind != "leg.notice":
        properties |= {"term": {"minimum": 1}, "hop": {"minimum": 1}}
    return {
        "if": {"properties": {"kind": {"const": kind}}},
        "then": {"properties": properties},
    }


def _strict(part: Any) -> Any:
    """A part in the terms of JSON Schema alone, which lets no unknown field in."""
    if isinstance(part, list):
        return [_strict(item) for item in part]
    if not isinstance(part, dict):
        return part.replace(REF, "#/$defs/") if isinstance(part, str) else part
    found = {name: _strict(value) for name, value in part.items()}
    if isinstance(found.get("pattern"), str):
        # ECMA-262 knows no \Z, and searches anywhere.
        found["pattern"] = "^(?:" + found["pattern"].removeprefix("^").replace(r"\Z", "") + ")$"
    if "properties" in found and found.get("type") == "object":
        found["additionalProperties"] = False
    return found


def text() -> str:
    """What belongs into the file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text())
