"""Two small services for tests of the chassis: a potter says, a collector hears."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from marshmallow import Schema, fields
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from services.chassis import tables
from services.chassis.catalogue import Door, Event, Heard, Says
from services.chassis.config import Settings
from services.chassis.core import Core
from services.chassis.database import Database, insert
from services.chassis.doors import Chassis, command, command_offloaded, due, hears, query
from services.chassis.errors import Refusal

metadata = MetaData()
pots = Table("pots", metadata, Column("id", String(32), primary_key=True), Column("size", Integer))
shelf = Table(
    "shelf", metadata, Column("id", String(32), primary_key=True), Column("times", Integer)
)


class Pot(Schema):
    """A pot, whole."""

    id = fields.String(required=True)
    size = fields.Integer(required=True)
    glaze = fields.String(load_default="plain", dump_default="plain")


class PotPart(Schema):
    """What the collector reads of a pot."""

    id = fields.String(required=True)
    size = fields.Integer(required=True)


class MakePot(Schema):
    """A request for a pot."""

    id = fields.String(required=True)
    size = fields.Integer(required=True)


class Count(Schema):
    """A number."""

    count = fields.Integer()


POTTER: Any = SimpleNamespace(
    SAYS=Says("potter", [Event("pot_made", "pot", Pot), Event("pot_sold", "sale", Pot)]),
    HEARS=[],
    DOORS={
        "make_pot": Door(MakePot, Pot),
        "sell_pot": Door(MakePot, Pot),
        "count_pots": Door(None, Count),
        "secret_pot": Door(MakePot, Pot, memory="once"),
        "measure_pot": Door(MakePot, Count),
    },
)
COLLECTOR: Any = SimpleNamespace(
    SAYS=Says("collector", []),
    HEARS=[Heard("potter", "pot", ("pot_made",), PotPart)],
    DOORS={"count_shelf": Door(None, Count)},
)


def make_pot(work: Any, request: Any) -> Any:
    """The rule behind the potter's door."""
    work.session.execute(pots.insert().values(**request))
    work.say("pot_made", request["id"], request)
    if request["size"] == 13:
        raise Refusal("pot_broken", "Le pot est cassé.", "Prenez-en un autre.")
    return request


class PotterService:
    """Makes pots and says so; a pot of size 13 breaks."""

    name = "potter"
    chassis = Chassis(POTTER, metadata)

    @command
    def make_pot(self, work: Any, request: Any) -> Any:
        return make_pot(work, request)

    @command
    def secret_pot(self, work: Any, request: Any) -> Any:
        work.session.execute(pots.insert().values(**request))
        return request

    @command
    def sell_pot(self, work: Any, request: Any) -> Any:
        work.say("pot_sold", request["id"], request)
        return request

    @query
    def count_pots(self, work: Any, request: Any) -> Any:
        return {"count": len(work.session.execute(select(pots)).all())}

    def prepare_measure(self, work: Any, request: Any) -> Any:
        return {"size": request["size"]}

    @command_offloaded("tests.chassis.dummies:double", prepare="prepare_measure")
    def measure_pot(self, work: Any, request: Any, solved: Any) -> Any:
        return {"count": solved["double"]}

    @due
    def fall_due(self, work: Any) -> None:
        return None


def double(payload: Any) -> Any:
    """A long computation."""
    return {"double": payload["size"] * 2}


class CollectorService:
    """Puts pots on a shelf, each once; chokes on negative sizes until it is mended."""

    name = "collector"
    chassis = Chassis(COLLECTOR, metadata)
    mended = False

    @hears
    def heard(self, work: Any, event: Any) -> None:
        if event.state["size"] < 0 and not CollectorService.mended:
            raise ValueError("a pot of negative size")
        row = insert(work.session, shelf).values(id=event.subject, times=1)
        work.session.execute(
            row.on_conflict_do_update(
                index_elements=[shelf.c.id], set_={"times": shelf.c.times + 1}
            )
        )

    @query
    def count_shelf(self, work: Any, request: Any) -> Any:
        return {"count": len(work.session.execute(select(shelf)).all())}


def make_core(service: Any, settings: Settings, clock: Any = None) -> Core:
    """The core of a dummy, with its tables made."""
    messages = service.chassis.messages
    database = Database(settings.database_url_of(service.name), settings)
    tables.metadata.create_all(database.engine)
    metadata.create_all(database.engine)
    return Core(service.name, messages, settings, database, clock)
