"""Routes to registration: projects, teams, coaches."""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

# A table: one row, one route.
# fmt: off
PROJECTS = (
    Route("POST", "/marathons/<marathon>/projects", "registration.register_project",
          Who.SIGNED_IN, "Register a project, as a draft", 201),
    Route("GET", "/marathons/<marathon>/projects", "registration.list_projects", Who.ANYONE,
          "The projects of a marathon"),
    Route("POST", "/marathons/<marathon>/decisions", "registration.publish_decisions",
          Who.ORGANISER, "Publish all decisions together"),
    Route("GET", "/projects/<project>", "registration.get_project", Who.ANYONE,
          "A project"),
    Route("PATCH", "/projects/<project>", "registration.change_project", Who.SIGNED_IN,
          "Change a project"),
    Route("POST", "/projects/<project>/submission", "registration.submit_project", Who.SIGNED_IN,
          "Submit a draft"),
    Route("POST", "/projects/<project>/decision", "registration.decide_project",
          Who.ORGANISER_ANY, "Decide on a project, in secret until published"),
    Route("POST", "/projects/<project>/confirmation", "registration.confirm_project",
          Who.SIGNED_IN, "Confirm that the team comes"),
    Route("POST", "/projects/<project>/withdrawal", "registration.withdraw_project",
          Who.SIGNED_IN, "Withdraw a project"),
    Route("POST", "/projects/<project>/check-in", "registration.check_in", Who.ORGANISER_ANY,
          "The team is here"),
    Route("POST", "/projects/<project>/no-show", "registration.no_show", Who.ORGANISER_ANY,
          "The team did not come"),
    Route("POST", "/projects/<project>/disqualification", "registration.disqualify_project",
          Who.ORGANISER_ANY, "Disqualify a project"),
)

TEAMS = (
    Route("GET", "/projects/<project>/team", "registration.get_team", Who.SIGNED_IN,
          "The team, with its join code"),
    Route("POST", "/projects/<project>/join-code", "registration.renew_join_code", Who.SIGNED_IN,
          "Make a new join code; the old one is void"),
    Route("POST", "/teams/joins", "registration.join_team", Who.SIGNED_IN,
          "Join a team by its code", 201),
    Route("POST", "/projects/<project>/join-requests", "registration.request_to_join",
          Who.SIGNED_IN, "Ask a team to take me in", 201),
    Route("POST", "/join-requests/<request>/answer", "registration.answer_request", Who.SIGNED_IN,
          "Take somebody in, or not"),
    Route("POST", "/projects/<project>/departures", "registration.leave_team", Who.SIGNED_IN,
          "Leave a team"),
    Route("POST", "/projects/<project>/coaches", "registration.pair_coach", Who.ORGANISER_ANY,
          "Pair a coach with a team", 201),
    Route("GET", "/marathons/<marathon>/coaches", "registration.list_coaches", Who.ANYONE,
          "The coaches of a marathon"),
)

ROUTES = (*PROJECTS, *TEAMS)
