"""The table of routes: every address of the API, the door behind it, who may use it.

A new door of a service gets its row here, or its reason in ``INTERNAL``; the tests hold both
sides against each other, and the table against what every role may do.
"""

from __future__ import annotations

from gateway.routes import jury, mails, own, projects, registration, venues, voting
from gateway.routes.row import Route
from services.chassis.config import SERVICES

__all__ = ["BY_NAME", "CLOCK", "INTERNAL", "MAILS", "ROUTES", "Route"]

ROUTES: tuple[Route, ...] = (
    *registration.ROUTES,
    *projects.ROUTES,
    *venues.ROUTES,
    *voting.ROUTES,
    *jury.ROUTES,
    *mails.ROUTES,
    *own.ROUTES,
)
CLOCK: tuple[Route, ...] = own.CLOCK
MAILS: tuple[Route, ...] = own.MAILS

BY_NAME = {route.endpoint: route for route in ROUTES}

# Doors that have no address, and why.
INTERNAL: dict[str, str] = {
    "registration.identify": "asked by the gateway itself for every credential it is shown",
    "registration.receive_package": "for partners' packages, whose signature says who they are: "
    "POST /relay/v1/packages (docs/relay-protocol.md)",
    "voting.look_at_proof": "for the page that a mailed link opens; a program exchanges the token",
    "voting.lend_poll": "for gateways, which it gives keys; nobody else may have them",
    "voting.open_lane": "for gateways: their way to hand over ballots in batches",
    **{
        f"{service}.my_data": "the gateway puts the services' answers together: GET /me/data"
        for service in SERVICES
    },
}
