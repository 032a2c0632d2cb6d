"""How far a town's first marathon has come: the states that journeys begin with."""

from __future__ import annotations

from datetime import datetime

from tests.journeys.browser.town import LEGS, Town

MARATHON = LEGS[0]
PATH = f"/marathons/{MARATHON}"
TEAMS = ("Four", "Laine", "Vélos")
JURORS = ("alix", "basile", "camille", "dora", "elio", "flore")
"""One for each way to look at pages, and two more."""
GRID = ({"id": "idee", "label": "Idée"}, {"id": "lieu", "label": "Lieu", "weight": 2})
WINNER = "Laine"


def start(town: Town) -> None:
    """From nothing into the 36 hours."""
    town.mobilise()
    for title in TEAMS:
        town.team(MARATHON, title)
    town.premises(MARATHON, "Ancienne mercerie", "fabrice@example.org")
    for number, name in enumerate(JURORS):
        town.juror(MARATHON, f"{name}@example.org", president=number == 0)
    town.post(f"{PATH}/grid", "PUT", criteria=list(GRID))
    town.place(MARATHON, len(TEAMS))

    def ready() -> bool:
        town.post(f"{PATH}/panel")
        town.post(f"{PATH}/poll")
        return bool(town.get(f"{PATH}/missing?to=running") == [])

    town.until(ready, "ready to start")
    town.move_clock(datetime.fromisoformat(town.get(PATH)["starts_at"]))
    town.until(lambda: town.state(MARATHON) == "running", "running")


def close(town: Town) -> None:
    """From the 36 hours to the closing: the public's and the jury's prize go to WINNER."""
    town.post(f"{PATH}/prizes", kind="public", title="Prix du public")
    rent = town.post(f"{PATH}/prizes", kind="rent", title="Six mois de loyer")
    vote(town, 3)
    town.move_clock(datetime.fromisoformat(town.get(PATH)["ends_at"]))
    town.until(lambda: town.state(MARATHON) == "ended", "ended")
    town.until(lambda: town.ask("GET", f"{PATH}/poll/results").ok, "counted")
    # No card is in: the deliberation alone places teams.
    first = {"project": project(town, WINNER), "rank": 1, "reason": "Vu sur place."}
    town.post(f"{PATH}/deliberation", placements=[first])
    town.post(f"/prizes/{rent['id']}/award", project=project(town, WINNER))
    town.post(f"{PATH}/palmares")
    town.until(lambda: town.state(MARATHON) == "deliberated", "deliberated")
    town.post(f"{PATH}/moves", to="closed")


def vote(town: Town, ballots: int) -> None:
    """So many votes for WINNER, by paper codes."""
    poll = town.until(lambda: open_poll(town), "the poll is open")
    made = town.post(f"/polls/{poll}/codes", place="Mairie", count=ballots)
    for code in made["codes"]:
        town.post(f"/polls/{poll}/ballots", code=code, project=project(town, WINNER))


def open_poll(town: Town) -> str:
    """The marathon's poll once it is open; empty before."""
    poll = town.get(f"{PATH}/poll")
    return str(poll["id"]) if poll["open"] else ""


def project(town: Town, title: str) -> str:
    """A project's id, by its title."""
    return next(str(one["id"]) for one in town.get(f"{PATH}/projects") if one["title"] == title)
