"""How a marathon ends, played once: databases to begin with, of which each test has a copy."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from tests.harness import Troupe
from tests.journeys.tour import LEGS, LENGTH, STARTS, Tour, cycle_file

LEG = LEGS[0]


def play_to_the_end(folder: Path) -> None:
    """The 36 hours are over; the keys of two teams are back."""
    tour = Tour(Troupe(folder))
    tour.call("registration", "open_cycle", file=cycle_file())
    tour.until("mobilised", partial(tour.is_in, LEG, "mobilised"))
    tour.mobilise(LEG, STARTS[0])
    tour.run(LEG, STARTS[0])
    places = tour.ask("venues", "list_allocations", marathon=LEG)
    for place in [one for one in places if one["status"] == "handed_over"][:2]:
        tour.call("venues", "return_keys", allocation=place["id"])
    tour.settle()
    tour.troupe.close()


def play_to_the_awards(ended: Path, folder: Path) -> None:
    """A little later: the awards are published."""
    tour = copied(ended, folder, 1)
    tour.award(LEG)
    tour.settle()
    tour.troupe.close()


def copied(folder: Path, to: Path, seed: int) -> Tour:
    """The tour whose databases are in ``folder``, in a folder of its own; ``seed`` is another
    one than theirs."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return Tour(Troupe(to, start=STARTS[0] + LENGTH, seed=seed))
