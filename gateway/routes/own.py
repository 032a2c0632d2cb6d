"""Routes that the gateway answers itself."""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

# A table: one row, one route.
# fmt: off
ROUTES = (
    Route("GET", "/me", "gateway.who_am_i", Who.SIGNED_IN,
          "Who I am here"),
    Route("GET", "/me/data", "gateway.my_data", Who.PERSON,
          "All that is held on me, by service"),
)

# Only where the clock can be moved at all: in demo and tests.
CLOCK = (
    Route("GET", "/clock", "gateway.get_clock", Who.ANYONE,
          "What time it is here"),
    Route("PUT", "/clock", "gateway.move_clock", Who.ORGANISER_ALL,
          "Move the clock forward (demo and tests only)"),
)

# Only in a demonstration whose mails are files: who reads another's mail can sign in as them.
MAILS = (
    Route("GET", "/mails", "gateway.list_mails", Who.ANYONE,
          "The newest mails, to one address or to all (demo only)"),
)
