"""A stock nameko service, written outside this tree, hears our events from RabbitMQ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from services.chassis import topology
from services.chassis.config import Settings
from services.chassis.publishing import Publisher
from services.chassis.runner import make_core
from services.chassis.tables import metadata
from tests.events.states import example

# What a partner would write: nameko, the name of a service and of an event, nothing of ours.
LISTENER = """
import eventlet
eventlet.monkey_patch()
import json, sys
from nameko.containers import ServiceContainer
from nameko.events import event_handler


class Partner:
    name = "partner"

    @event_handler("registration", "marathon_closed")
    def closed(self, event):
        print(json.dumps(event), flush=True)


container = ServiceContainer(Partner, {"AMQP_URI": sys.argv[1]})
container.start()
print("listening", flush=True)
container.wait()
"""


def test_stock_nameko_service_hears_marathon_closed(vhost: str, tmp_path: Path) -> None:
    settings = Settings(
        instance="fumel",
        secret=b"x" * 32,
        amqp_url=vhost,
        database_url=f"sqlite:///{tmp_path}/{{service}}.sqlite",
    )
    topology.apply(settings)
    (tmp_path / "partner.py").write_text(LISTENER)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "partner.py", vhost],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as partner:
        try:
            assert partner.stdout is not None
            assert partner.stdout.readline() == "listening\n"
            state = _close_a_marathon(settings)
            heard = json.loads(partner.stdout.readline())
        finally:
            partner.kill()
    assert (heard["specversion"], heard["type"]) == ("1.0", "marathon_closed")
    assert heard["source"] == "urn:incroyable-territoire:fumel:registration"
    assert heard["data"] == {"epoch": 1, "version": 1, **state}


def _close_a_marathon(settings: Settings) -> Any:
    core = make_core("registration", settings)
    metadata.create_all(core.database.engine)
    state = example("registration", "marathon_closed")
    core.within(lambda work: work.say("marathon_closed", state["id"], state))
    publisher = Publisher(core)
    assert publisher.flush() == 1
    publisher.close()
    core.database.close()
    return (
        core.messages.SAYS["marathon_closed"]
        .schema()
        .dump(core.messages.SAYS["marathon_closed"].schema().load(state))
    )
