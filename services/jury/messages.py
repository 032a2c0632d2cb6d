"""What the jury says, hears and answers: the catalogue; the schemas are beside it."""

from __future__ import annotations

from services.chassis.catalogue import Door, Event, Heard, Says
from services.jury import messages_doors as doors
from services.jury import messages_events as events
from services.jury.periods import KEPT

__all__ = ["DOORS", "HEARS", "KEPT", "SAYS"]

SAYS = Says(
    "jury",
    [
        Event("panel_convened", "panel", events.PanelState),
        Event("scorecard_submitted", "progress", events.ProgressState),
        Event("palmares_published", "palmares", events.PalmaresState),
    ],
)

HEARS = [
    Heard(
        "registration",
        "marathon",
        (
            "marathon_announced",
            "host_revealed",
            "marathon_changed",
            "marathon_mobilised",
            "marathon_started",
            "marathon_ended",
            "marathon_closed",
            "marathon_cancelled",
        ),
        events.MarathonPart,
    ),
    Heard(
        "registration",
        "project",
        ("project_confirmed", "project_changed", "project_withdrawn"),
        events.ProjectPart,
    ),
    Heard("registration", "role", ("role_granted", "role_revoked"), events.RolePart),
    Heard("registration", "person", ("person_erased",), events.PersonPart),
    Heard(
        "venues",
        "allocation",
        ("premises_allocated", "premises_released"),
        events.AllocationPart,
    ),
    Heard(
        "voting",
        "poll",
        ("poll_prepared", "poll_opened", "poll_closed", "poll_counted"),
        events.PollPart,
    ),
]

DOORS = {
    "set_grid": Door(doors.SetGrid, doors.GridView, edits=("get_grid",)),
    "get_grid": Door(doors.TheMarathon, doors.GridView),
    "convene_panel": Door(doors.TheMarathon, doors.Convened, edits=("get_panel",)),
    "get_panel": Door(doors.TheMarathon, doors.PanelView),
    "submit_scorecard": Door(doors.SubmitScorecard, doors.CardView, edits=("my_scorecard",)),
    "my_scorecard": Door(doors.TheScorecard, doors.MyCards),
    "my_scorecards": Door(doors.PageOfMarathon, doors.MyCards, many=True),
    "recuse": Door(doors.Recuse, doors.RecusalLine),
    "get_progress": Door(doors.PageOfMarathon, doors.ProgressLine, many=True),
    "get_ranking": Door(doors.TheMarathon, doors.RankingView),
    "deliberate": Door(doors.Deliberate, doors.RankingView, edits=("get_ranking",)),
    "add_prize": Door(doors.AddPrize, doors.PrizeView),
    "list_prizes": Door(doors.PageOfMarathon, doors.PrizeView, many=True),
    "get_prize": Door(doors.ThePrize, doors.PrizeView),
    "award_prize": Door(doors.AwardPrize, doors.PrizeView, edits=("get_prize",)),
    "publish_palmares": Door(doors.PublishPalmares, doors.PalmaresView),
    "get_palmares": Door(doors.GetPalmares, doors.PalmaresView),
    "my_data": Door(None, doors.MyData),
}
