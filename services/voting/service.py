"""What voting owns, says and hears: the doors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.chassis.core import Core
from services.chassis.doors import Chassis, command, due, hears, query, takes, tends
from services.chassis.inbox import HeardEvent
from services.chassis.mail_doors import MailDoors
from services.chassis.work import Work
from services.voting import (
    ballots,
    box_store,
    codes,
    decisions,
    intake,
    lanes,
    messages,
    personal_data,
    polls,
    quarantine,
    reactions,
    record,
    requests,
    tables,
    unlinking,
)
from services.voting.messages_ballots import BALLOTS

Request = dict[str, Any]


class VotingService(MailDoors):
    """What residents prefer: polls, ballots, the count."""

    name = "voting"
    chassis = Chassis(
        messages, tables.Base.metadata, chores=[unlinking.scrub], upkeep=[box_store.tidy]
    )

    @query
    def get_poll(self, work: Work, request: Request) -> Any:
        found = polls.find(work, request.get("poll"), request.get("marathon"))
        return polls.view(work, found, request["visitor"], request.get("with_voters", True))

    @command
    def prepare_poll(self, work: Work, request: Request) -> Any:
        window = {name: value for name, value in request.items() if name != "visitor"}
        return polls.view(work, polls.prepare(work, **window), request["visitor"])

    @command
    def issue_codes(self, work: Work, request: Request) -> Any:
        return codes.issue(work, **request)

    @query
    def list_codes(self, work: Work, request: Request) -> Any:
        return codes.batches(work, **request)

    @command
    def revoke_codes(self, work: Work, request: Request) -> Any:
        return codes.revoke(work, **request)

    @query
    def list_cases(self, work: Work, request: Request) -> Any:
        return quarantine.list_cases(work, **request)

    @command
    def release_case(self, work: Work, request: Request) -> Any:
        return quarantine.release(work, **request)

    @query
    def preview_invalidation(self, work: Work, request: Request) -> Any:
        return decisions.preview(work, **request)

    @command
    def sign_invalidation(self, work: Work, request: Request) -> Any:
        return decisions.sign_invalidation(work, **request)

    @command
    def sign_release(self, work: Work, request: Request) -> Any:
        return decisions.sign_release(work, **request)

    @query
    def list_decisions(self, work: Work, request: Request) -> Any:
        return decisions.list_decisions(work, **request)

    @command
    def sign_decision(self, work: Work, request: Request) -> Any:
        return decisions.sign(work, **request)

    @command
    def withdraw_decision(self, work: Work, request: Request) -> Any:
        return decisions.withdraw(work, **request)

    @command
    def request_ballot(self, work: Work, request: Request) -> Any:
        return requests.request(work, **request)

    @query
    def look_at_proof(self, work: Work, request: Request) -> Any:
        return requests.look_at(work, **request)

    @command
    def exchange_proof(self, work: Work, request: Request) -> Any:
        return requests.exchange(work, **request)

    @command
    def cast(self, work: Work, request: Request) -> Any:
        return ballots.cast(work, **request)

    @query
    def lend_poll(self, work: Work, request: Request) -> Any:
        return intake.lend(work, **request)

    @command
    def open_lane(self, work: Work, request: Request) -> Any:
        return intake.open_lane(work, **request)

    @takes(BALLOTS)
    def take_ballots(self, work: Work, batches: Sequence[Request]) -> None:
        intake.take(work, batches)

    @tends
    def tend_lanes(self, core: Core) -> None:
        lanes.tend(core, partial(core.take, BALLOTS, intake.take))

    @tends
    def store_boxes(self, core: Core) -> None:
        box_store.store_fresh(core)

    @query
    def check_receipt(self, work: Work, request: Request) -> Any:
        return record.check_receipt(work, **request)

    @query
    def list_receipts(self, work: Work, request: Request) -> Any:
        return record.list_receipts(work, **request)

    @query
    def get_record(self, work: Work, request: Request) -> Any:
        return record.get(work, **request)

    @query
    def get_box(self, work: Work, request: Request) -> Any:
        return record.get_box(work, **request)

    @query
    def get_results(self, work: Work, request: Request) -> Any:
        return record.results(work, **request)

    @query
    def my_data(self, work: Work, request: Request) -> Any:
        return personal_data.my_data(work, **request)

    @hears
    def heard(self, work: Work, event: HeardEvent) -> None:
        reactions.react(work, event)

    @due
    def fall_due(self, work: Work) -> None:
        reactions.fall_due(work)
