"""Routes to the jury: grid, panel, scorecards, deliberation, prizes, the palmarès."""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

# A table: one row, one route.
# fmt: off
JURY = (
    Route("PUT", "/marathons/<marathon>/grid", "jury.set_grid", Who.ORGANISER,
          "Set the grid of criteria; it locks with the first card"),
    Route("GET", "/marathons/<marathon>/grid", "jury.get_grid", Who.ANYONE,
          "The grid of criteria"),
    Route("POST", "/marathons/<marathon>/panel", "jury.convene_panel", Who.ORGANISER,
          "Convene the panel"),
    Route("GET", "/marathons/<marathon>/panel", "jury.get_panel", Who.PANEL,
          "The panel"),
    Route("PUT", "/marathons/<marathon>/scorecards/<project>", "jury.submit_scorecard", Who.JUROR,
          "Submit my card for a project, or a new version of it"),
    Route("GET", "/marathons/<marathon>/scorecards/<project>", "jury.my_scorecard", Who.JUROR,
          "My card for a project, in all its versions"),
    Route("GET", "/marathons/<marathon>/scorecards/mine", "jury.my_scorecards", Who.JUROR,
          "My own cards"),
    Route("POST", "/marathons/<marathon>/recusals", "jury.recuse", Who.PANEL,
          "Recuse a juror for a project", 201),
    Route("GET", "/marathons/<marathon>/progress", "jury.get_progress", Who.PANEL,
          "How many cards are in"),
    Route("GET", "/marathons/<marathon>/ranking", "jury.get_ranking", Who.ORGANISER,
          "The ranking, once the marathon has ended"),
    Route("POST", "/marathons/<marathon>/deliberation", "jury.deliberate", Who.ORGANISER,
          "Record the deliberation, and where it departs from the ranking"),
)

PRIZES = (
    Route("POST", "/marathons/<marathon>/prizes", "jury.add_prize", Who.ORGANISER,
          "Add a prize", 201),
    Route("GET", "/marathons/<marathon>/prizes", "jury.list_prizes", Who.ANYONE,
          "The prizes of a marathon"),
    Route("GET", "/prizes/<prize>", "jury.get_prize", Who.ANYONE,
          "A prize, as far as the asker may know who gets it"),
    Route("POST", "/prizes/<prize>/award", "jury.award_prize", Who.ORGANISER_ANY,
          "Award a prize to a project"),
    Route("POST", "/marathons/<marathon>/palmares", "jury.publish_palmares", Who.ORGANISER,
          "Publish the palmarès, or a new edition of it", 201),
    Route("GET", "/marathons/<marathon>/palmares", "jury.get_palmares", Who.ANYONE,
          "The published palmarès"),
)

ROUTES = (*JURY, *PRIZES)
