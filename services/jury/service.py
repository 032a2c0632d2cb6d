"""What the jury owns, says and hears: the doors."""

from __future__ import annotations

from typing import Any

from services.chassis.doors import Chassis, command, hears, query
from services.chassis.inbox import HeardEvent
from services.chassis.work import Work
from services.jury import (
    deliberation,
    grids,
    messages,
    palmares,
    panels,
    personal_data,
    prizes,
    reactions,
    recusals,
    scorecards,
    tables,
)

Request = dict[str, Any]


class JuryService:
    """What the jury decides: cards, ranking, prizes, palmarès."""

    name = "jury"
    chassis = Chassis(messages, tables.Base.metadata)

    @command
    def set_grid(self, work: Work, request: Request) -> Any:
        grid = grids.set_grid(work, **request)
        return grids.view(panels.found(work, request["marathon"]), grid)

    @query
    def get_grid(self, work: Work, request: Request) -> Any:
        panel = panels.found(work, **request)
        return grids.view(panel, grids.of(work, panel))

    @command
    def convene_panel(self, work: Work, request: Request) -> Any:
        return panels.view(work, panels.convene(work, **request))

    @query
    def get_panel(self, work: Work, request: Request) -> Any:
        return panels.view(work, panels.found(work, **request))

    @command
    def submit_scorecard(self, work: Work, request: Request) -> Any:
        return scorecards.submit(work, **request)

    @query
    def my_scorecard(self, work: Work, request: Request) -> Any:
        return scorecards.mine_for(work, **request)

    @query
    def my_scorecards(self, work: Work, request: Request) -> Any:
        return scorecards.mine(work, **request)

    @command
    def recuse(self, work: Work, request: Request) -> Any:
        return recusals.declare(work, **request)

    @query
    def get_progress(self, work: Work, request: Request) -> Any:
        return scorecards.progress(work, **request)

    @query
    def get_ranking(self, work: Work, request: Request) -> Any:
        return deliberation.view(work, **request)

    @command
    def deliberate(self, work: Work, request: Request) -> Any:
        return deliberation.deliberate(work, **request)

    @command
    def add_prize(self, work: Work, request: Request) -> Any:
        return prizes.add(work, **request)

    @query
    def list_prizes(self, work: Work, request: Request) -> Any:
        return prizes.view(work, **request)

    @query
    def get_prize(self, work: Work, request: Request) -> Any:
        return prizes.get(work, **request)

    @command
    def award_prize(self, work: Work, request: Request) -> Any:
        return prizes.award(work, **request)

    @command
    def publish_palmares(self, work: Work, request: Request) -> Any:
        edition = palmares.publish(work, **request)
        return palmares.view(work, request["marathon"], edition.number)

    @query
    def get_palmares(self, work: Work, request: Request) -> Any:
        return palmares.view(work, **request)

    @query
    def my_data(self, work: Work, request: Request) -> Any:
        return personal_data.my_data(work, **request)

    @hears
    def heard(self, work: Work, event: HeardEvent) -> None:
        reactions.react(work, event)
