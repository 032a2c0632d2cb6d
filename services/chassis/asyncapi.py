"""The event catalogue as AsyncAPI 3, made from the services' marshmallow schemas.

``python -m services.chassis.asyncapi`` writes ``docs/events/``; a test holds it current.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from services.chassis.catalogue import Event, Messages, heard_by_type
from services.chassis.config import SERVICES
from services.chassis.envelope import CONTENT_TYPE, EnvelopeSchema, schema_of
from services.chassis.topology import messages_of

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "events"

INTRODUCTION = """\
Every event of an instance. Each service publishes to its own durable topic exchange,
`<service>.events`, with the event's type as the routing key; a stock nameko service hears one
with `@event_handler("registration", "marathon_closed")`, any AMQP client by binding a queue.
The body is CloudEvents 1.0 in structured JSON mode (content type `application/json`).

`data` is the subject's whole public state, with `epoch` and `version`. Events may come late,
twice or out of order: keep, per subject, the state with the greatest (epoch, version), and do
all that this state requires; an event `id` that you have seen has no further effect. Read only
the fields you need and ignore the others: fields are added, never changed or taken away; what
would break a listener gets a new type.
"""


def document(services: tuple[str, ...] = SERVICES) -> dict[str, Any]:
    """The whole catalogue as one AsyncAPI 3 document."""
    messages = {service: messages_of(service) for service in services}
    schemas = _Schemas()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    catalogue: dict[str, Any] = {}
    for service, said in messages.items():
        for event in said.SAYS.events.values():
            catalogue[event.name] = _message(service, event, schemas)
            channels[event.name] = _channel(service, event)
            operations[f"say_{event.name}"] = _operation("send", event.name, service)
            for listener in _listeners(messages, service, event.name):
                name = f"{listener}_hears_{event.name}"
                operations[name] = _operation("receive", event.name, listener)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Incroyable Territoire — events",
            "version": "1",
            "description": INTRODUCTION,
            "license": {"name": "EUPL-1.2"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": catalogue, "schemas": schemas.all()},
    }


def overview(services: tuple[str, ...] = SERVICES) -> str:
    """The catalogue as one table to read: event, from, kind of subject, who listens."""
    messages = {service: messages_of(service) for service in services}
    rows = [
        f"| `{event.name}` | {service} | {event.kind} | {_names(messages, service, event.name)} |"
        for service, said in messages.items()
        for event in said.SAYS.events.values()
    ]
    head = "| event | said by | subject | heard by |\n|---|---|---|---|\n"
    return f"# Events\n\n{INTRODUCTION}\n{head}" + "\n".join(rows) + "\n"


def files() -> dict[Path, str]:
    """What belongs into ``docs/events/``: path and content."""
    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
    note = "# Made from the schemas in services/*/messages.py: run `make events`, don't edit.\n"
    return {FOLDER / "asyncapi.yaml": note + text, FOLDER / "README.md": overview()}


class _Schemas:
    """JSON Schemas of marshmallow schemas, gathered under unique names."""

    def __init__(self) -> None:
        self.plugin = MarshmallowPlugin(schema_name_resolver=_nested_name)
        self.spec = APISpec("", "", "3.1.0", plugins=[self.plugin])
        self.spec.components.schema("Envelope", schema=EnvelopeSchema)

    def add(self, service: str, event: Event) -> str:
        name = f"{service}_{event.kind}"
        if name not in self.spec.components.schemas:
            self.spec.components.schema(name, schema=event.schema)
        return f"#/components/schemas/{name}"

    def all(self) -> dict[str, Any]:
        return dict(sorted(self.spec.components.schemas.items()))


def _nested_name(schema: Any) -> str:
    """The name of a nested schema, by its service: two services may have a class of one name."""
    found = schema if isinstance(schema, type) else type(schema)
    return f"{found.__module__.split('.')[1]}_{found.__name__}"


def _message(service: str, event: Event, schemas: _Schemas) -> dict[str, Any]:
    order: dict[str, Any] = {"type": "object", "required": ["epoch", "version"]}
    order["properties"] = {
        "epoch": {"type": "integer", "minimum": 1},
        "version": {"type": "integer", "minimum": 1},
    }
    state = {"allOf": [order, {"$ref": schemas.add(service, event)}]}
    return {
        "name": event.name,
        "title": f"{service}: {event.name}",
        "summary": " ".join((event.schema.__doc__ or "").split()),
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event.name},
                        "dataschema": {"const": schema_of(service, event.kind)},
                        "data": state,
                    },
                },
            ]
        },
    }


def _channel(service: str, event: Event) -> dict[str, Any]:
    return {
        "address": event.name,
        "messages": {event.name: {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": f"{service}.events", "type": "topic", "durable": True},
            }
        },
    }


def _operation(action: str, event_name: str, service: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{event_name}"},
        "title": f"{service} {'says' if action == 'send' else 'hears'} {event_name}",
    }


def _listeners(messages: dict[str, Messages], speaker: str, event_name: str) -> list[str]:
    return [
        service
        for service, module in messages.items()
        if (speaker, event_name) in heard_by_type(module)
    ]


def _names(messages: dict[str, Messages], speaker: str, event_name: str) -> str:
    return ", ".join(_listeners(messages, speaker, event_name)) or "—"


def write() -> None:
    """Writes the catalogue into ``docs/events/``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    write()
