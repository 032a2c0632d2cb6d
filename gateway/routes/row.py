"""One row of the table of routes."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Range

from gateway.access import Who
from services.chassis.catalogue import Door
from services.chassis.paging import Paged

# What the gateway itself puts into a request, where the door takes it: never the sender.
FILLED = ("ip", "session")


@dataclass(frozen=True)
class Route:
    """An address of the API: the door behind it, and who may knock.

    ``path`` is below ``/api/v1`` and names its parts as the door names its fields.
    """

    method: str
    path: str
    door: str
    who: Who
    summary: str
    status: int = 200
    alias: str = ""

    @property
    def endpoint(self) -> str:
        """The route's own name, and its operation's in the OpenAPI document."""
        return self.alias or self.name

    @cached_property
    def service(self) -> str:
        """The service behind the door; "gateway" for the gateway's own."""
        return self.door.partition(".")[0]

    @cached_property
    def name(self) -> str:
        """The door's name within its service."""
        return self.door.partition(".")[2]

    @cached_property
    def messages(self) -> Door:
        """What the door takes and gives. Raises ``KeyError`` when there is no such door."""
        return door_of(self.door)

    @cached_property
    def pages(self) -> bool:
        """Whether it answers page by page: a list, or an object around the page's ``items``."""
        takes = self.messages.takes
        return takes is not None and issubclass(takes, Paged)

    @cached_property
    def page_most(self) -> int:
        """How many rows a page may have. Raises ``KeyError`` where there are no pages."""
        bounds = (rule for rule in self.takes["limit"].validators if isinstance(rule, Range))
        return next(rule.max for rule in bounds if isinstance(rule.max, int))

    @property
    def is_file(self) -> bool:
        """Whether it answers a file out of the storage."""
        return bool(self.messages.file)

    @property
    def tabular(self) -> bool:
        """Whether it answers a table, which CSV can show as well."""
        return self.reads and (self.messages.many or self.pages)

    @cached_property
    def row(self) -> Schema | fields.Field[Any]:
        """What a line of its table is. Raises ``TypeError`` for what is no table."""
        gives = self.messages.gives
        if not self.tabular or gives is None:
            raise TypeError(f"{self.door} answers no table")
        if self.messages.many:
            return gives()
        items = gives().fields["items"]
        inner = items.inner if isinstance(items, fields.List) else items
        return inner.schema if isinstance(inner, fields.Nested) else inner

    @cached_property
    def path_fields(self) -> tuple[str, ...]:
        """The names of the path's parts."""
        return tuple(re.findall(r"<(\w+)>", self.path))

    @cached_property
    def takes(self) -> dict[str, fields.Field[object]]:
        """All fields of the door's request, by their name in JSON."""
        schema = self.messages.takes
        if schema is None:
            return {}
        return {field.data_key or name: field for name, field in schema().fields.items()}

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The fields that the gateway fills in."""
        return tuple(name for name in FILLED if name in self.takes)

    @cached_property
    def given(self) -> Schema | None:
        """What the sender gives in body or query: the door's request without the rest."""
        schema = self.messages.takes
        if schema is None or not self.takes.keys() - self.hidden:
            return None
        found = schema(
            exclude=[
                attribute
                for attribute, field in schema().fields.items()
                if (field.data_key or attribute) in self.hidden
            ]
        )
        # Its name in the OpenAPI document: one class may be given in two ways.
        found.component = f"{camel(self.endpoint)}Request"  # type: ignore[attr-defined]
        return found

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The fields of the door's request that are not the sender's to give."""
        return frozenset((*self.path_fields, *self.filled))

    @property
    def reads(self) -> bool:
        """Whether it only asks, so that nothing is changed by it."""
        return self.method == "GET"


@cache
def door_of(door: str) -> Door:
    """What "service.door" takes and gives. Raises ``KeyError`` when there is no such door."""
    service, _, name = door.partition(".")
    module = "gateway.messages" if service == "gateway" else f"services.{service}.messages"
    found: Door = importlib.import_module(module).DOORS[name]
    return found


def camel(name: str) -> str:
    """``get_poll`` as ``GetPoll``."""
    return "".join(part.capitalize() for part in name.split("_"))
