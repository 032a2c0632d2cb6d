"""Routes to the services' mails: how they do, and what organisers can do about them.

Figures tell of nobody, so that every organiser may see them; what is about single mails is for
those who organise all marathons, for a mail belongs to no marathon.
"""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

WRITERS = ("registration", "voting")
"""The services that write to people."""


# A table: one row, one route.
# fmt: off
def _of(service: str) -> tuple[Route, ...]:
    path = f"/outboxes/{service}"
    return (
        Route("GET", path, f"{service}.get_mail_state", Who.ORGANISER_ANY,
              f"How the mails of {service} do, in figures",
              alias=f"get_mail_state_of_{service}"),
        Route("GET", f"{path}/parked", f"{service}.list_mail_troubles", Who.ORGANISER_ALL,
              f"The mails of {service} that are not sent any more, without their addresses",
              alias=f"list_mail_troubles_of_{service}"),
        Route("POST", f"{path}/retries", f"{service}.retry_mails", Who.ORGANISER_ALL,
              f"Send one mail of {service} at once, or all that wait or are parked",
              alias=f"retry_mails_of_{service}"),
        Route("DELETE", f"{path}/parked/<mail>", f"{service}.drop_mail", Who.ORGANISER_ALL,
              f"Drop a parked mail of {service} for good",
              alias=f"drop_mail_of_{service}"),
    )
# fmt: on


ROUTES = tuple(route for service in WRITERS for route in _of(service))
