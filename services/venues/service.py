"""What venues owns, says and hears: the doors."""

from __future__ import annotations

from typing import Any

from services.chassis.doors import Chassis, command, command_offloaded, hears, query
from services.chassis.inbox import HeardEvent
from services.chassis.work import Work
from services.venues import (
    allocations,
    keys,
    messages,
    offers,
    personal_data,
    proposal,
    reactions,
    retention,
    tables,
)

Request = dict[str, Any]


class VenuesService:
    """Where the teams work: premises offered, seats allocated, keys out and back."""

    name = "venues"
    chassis = Chassis(messages, tables.Base.metadata, chores=[retention.purge])

    @command
    def offer_premises(self, work: Work, request: Request) -> Any:
        return offers.offer(work, **request)

    @query
    def get_premises(self, work: Work, request: Request) -> Any:
        return offers.get(work, **request)

    @query
    def list_premises(self, work: Work, request: Request) -> Any:
        return offers.list_offers(work, **request)

    @command
    def change_premises(self, work: Work, request: Request) -> Any:
        return offers.change(work, **request)

    @command
    def decide_offer(self, work: Work, request: Request) -> Any:
        return offers.decide(work, **request)

    @command
    def withdraw_offer(self, work: Work, request: Request) -> Any:
        return offers.withdraw(work, **request)

    def prepare_allocation(self, work: Work, request: Request) -> Any:
        return proposal.prepare(work, **request)

    @command_offloaded("services.venues.solver:solve", prepare="prepare_allocation")
    def propose_allocation(self, work: Work, request: Request, solved: Any) -> Any:
        return proposal.keep(work, **request, solved=solved)

    @command
    def allocate(self, work: Work, request: Request) -> Any:
        return allocations.allocate(work, **request)

    @command
    def confirm_allocation(self, work: Work, request: Request) -> Any:
        return allocations.confirm(work, **request)

    @command
    def confirm_all(self, work: Work, request: Request) -> Any:
        return allocations.confirm_all(work, **request)

    @command
    def decline_allocation(self, work: Work, request: Request) -> Any:
        return allocations.decline(work, **request)

    @command
    def cancel_allocation(self, work: Work, request: Request) -> Any:
        return allocations.cancel(work, **request)

    @command
    def hand_over(self, work: Work, request: Request) -> Any:
        return keys.hand_over(work, **request)

    @command
    def return_keys(self, work: Work, request: Request) -> Any:
        return keys.return_keys(work, **request)

    @query
    def get_allocation(self, work: Work, request: Request) -> Any:
        return allocations.get(work, **request)

    @query
    def list_allocations(self, work: Work, request: Request) -> Any:
        return allocations.list_allocations(work, **request)

    @query
    def my_data(self, work: Work, request: Request) -> Any:
        return personal_data.my_data(work, **request)

    @hears
    def heard(self, work: Work, event: HeardEvent) -> None:
        reactions.react(work, event)
