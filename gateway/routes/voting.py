"""Routes to voting: the poll, ballots, paper codes, the record."""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

# A table: one row, one route.
# fmt: off
POLL = (
    Route("GET", "/marathons/<marathon>/poll", "voting.get_poll", Who.ANYONE,
          "The poll of a marathon", alias="get_poll_of_marathon"),
    Route("POST", "/marathons/<marathon>/poll", "voting.prepare_poll", Who.ORGANISER,
          "Prepare the poll with the teams confirmed so far"),
    Route("GET", "/marathons/<marathon>/poll/results", "voting.get_results", Who.ANYONE,
          "The outcome of the vote, once counted"),
    Route("GET", "/polls/<poll>", "voting.get_poll", Who.ANYONE,
          "A poll, its candidates in an order of the visitor's own"),
)

BALLOTS = (
    Route("POST", "/polls/<poll>/requests", "voting.request_ballot", Who.ANYONE,
          "Ask for a mail with a link and a code to vote", 202),
    Route("POST", "/polls/<poll>/passes", "voting.exchange_proof", Who.ANYONE,
          "Exchange the mailed link or code for a pass", 201),
    Route("POST", "/polls/<poll>/ballots", "voting.cast", Who.ANYONE,
          "Cast a ballot, with a pass or a paper code; the last one counts", 202),
)

CODES = (
    Route("POST", "/polls/<poll>/codes", "voting.issue_codes", Who.ORGANISER_ANY,
          "Make paper codes for one place, shown this once", 201),
    Route("GET", "/polls/<poll>/codes", "voting.list_codes", Who.ORGANISER_ANY,
          "The batches of paper codes, without the codes"),
    Route("DELETE", "/polls/<poll>/codes/<batch>", "voting.revoke_codes", Who.ORGANISER_ANY,
          "Revoke a batch of paper codes"),
)

# Two people sign what changes which ballots are counted (RULES V9).
BEFORE_THE_COUNT = (
    Route("GET", "/polls/<poll>/cases", "voting.list_cases", Who.ORGANISER_ANY,
          "What looks suspicious and waits for a decision before the count, with its reason"),
    Route("POST", "/polls/<poll>/cases/<case>/release", "voting.release_case", Who.ORGANISER_ANY,
          "Let the ballots of a case count"),
    Route("POST", "/polls/<poll>/invalidations/preview", "voting.preview_invalidation",
          Who.ORGANISER_ANY, "How many ballots an invalidation would take out"),
    Route("POST", "/polls/<poll>/invalidations", "voting.sign_invalidation", Who.ORGANISER_ANY,
          "The first signature under an invalidation that was previewed", 201),
    Route("POST", "/polls/<poll>/releases", "voting.sign_release", Who.ORGANISER_ANY,
          "The first signature under a count although cases are open", 201),
    Route("GET", "/polls/<poll>/decisions", "voting.list_decisions", Who.ORGANISER_ANY,
          "Invalidations and releases, with who signed them"),
    Route("POST", "/polls/<poll>/decisions/<decision>/signature", "voting.sign_decision",
          Who.ORGANISER_ANY, "The second signature: the decision is carried out"),
    Route("DELETE", "/polls/<poll>/decisions/<decision>", "voting.withdraw_decision",
          Who.ORGANISER_ANY, "Withdraw a decision that has one signature"),
)

RECORD = (
    Route("GET", "/polls/<poll>/receipts", "voting.list_receipts", Who.ANYONE,
          "The counted receipts, sorted, after the count"),
    Route("GET", "/polls/<poll>/receipts/<receipt>", "voting.check_receipt", Who.ANYONE,
          "Whether a receipt was counted"),
    Route("GET", "/polls/<poll>/record", "voting.get_record", Who.ANYONE,
          "The record of the poll"),
    Route("GET", "/polls/<poll>/box", "voting.get_box", Who.SCRUTINEER_ANY,
          "The box, all counted ballots: a CSV file, for the scrutineers to count them again"),
)

ROUTES = (*POLL, *BALLOTS, *CODES, *BEFORE_THE_COUNT, *RECORD)
