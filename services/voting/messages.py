"""What voting says, hears and answers: the catalogue; the schemas are beside it."""

from __future__ import annotations

from services.chassis import mail_messages
from services.chassis.catalogue import Door, Event, Heard, Says
from services.chassis.storage import FileReference
from services.voting.messages_ballots import BALLOTS
from services.voting.messages_doors import (
    Batch,
    Case,
    Cast,
    Checked,
    CheckReceipt,
    Conditions,
    DecisionView,
    ExchangeProof,
    GetPoll,
    GetResults,
    IssueCodes,
    IssuedCodes,
    LentPoll,
    LongPageOfPoll,
    LookAtProof,
    Looked,
    MyData,
    OpenedLane,
    OpenLane,
    PageOfPoll,
    Pass,
    PollView,
    PreparePoll,
    Preview,
    Receipt,
    Receipts,
    RecordView,
    ReleaseCase,
    RequestBallot,
    Requested,
    Results,
    RevokeCodes,
    Sign,
    SignInvalidation,
    SignRelease,
    TheDecision,
    ThePoll,
)
from services.voting.messages_events import (
    MarathonPart,
    PalmaresPart,
    PanelPart,
    PersonPart,
    PollState,
    ProjectPart,
    RolePart,
)
from services.voting.periods import KEPT

__all__ = ["DOORS", "HEARS", "KEPT", "SAYS", "TAKES"]

SAYS = Says(
    "voting",
    [
        Event("poll_prepared", "poll", PollState),
        Event("poll_opened", "poll", PollState),
        Event("poll_closed", "poll", PollState),
        Event("poll_counted", "poll", PollState),
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
        MarathonPart,
    ),
    Heard(
        "registration",
        "project",
        ("project_confirmed", "project_changed", "project_withdrawn"),
        ProjectPart,
    ),
    Heard("registration", "role", ("role_granted", "role_revoked"), RolePart),
    Heard("registration", "person", ("person_erased",), PersonPart),
    Heard("jury", "panel", ("panel_convened",), PanelPart),
    Heard("jury", "palmares", ("palmares_published",), PalmaresPart),
]

TAKES = [BALLOTS]

DOORS = {
    "get_poll": Door(GetPoll, PollView),
    "prepare_poll": Door(PreparePoll, PollView, edits=("get_poll",)),
    "issue_codes": Door(IssueCodes, IssuedCodes, memory="once"),
    "list_codes": Door(PageOfPoll, Batch, many=True),
    "revoke_codes": Door(RevokeCodes, Batch),
    "list_cases": Door(PageOfPoll, Case, many=True),
    "release_case": Door(ReleaseCase, Case),
    "preview_invalidation": Door(Conditions, Preview),
    "sign_invalidation": Door(SignInvalidation, DecisionView),
    "sign_release": Door(SignRelease, DecisionView),
    "list_decisions": Door(PageOfPoll, DecisionView, many=True),
    "sign_decision": Door(Sign, DecisionView),
    "withdraw_decision": Door(TheDecision, DecisionView),
    "request_ballot": Door(RequestBallot, Requested, memory="none"),
    "lend_poll": Door(ThePoll, LentPoll),
    "open_lane": Door(OpenLane, OpenedLane),
    "look_at_proof": Door(LookAtProof, Looked),
    "exchange_proof": Door(ExchangeProof, Pass),
    "cast": Door(Cast, Receipt, memory="none"),
    "check_receipt": Door(CheckReceipt, Checked),
    "list_receipts": Door(LongPageOfPoll, Receipts),
    "get_record": Door(ThePoll, RecordView),
    "get_box": Door(ThePoll, FileReference, file="text/csv"),
    "get_results": Door(GetResults, Results),
    "my_data": Door(None, MyData),
    **mail_messages.DOORS,
}
