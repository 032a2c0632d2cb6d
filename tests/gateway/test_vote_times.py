"""Before, after and without a vote: every page on which one votes says so."""

from __future__ import annotations

from pathlib import Path

from werkzeug.test import TestResponse

from tests.gateway.evening import LEG, Evening, main_of
from tests.journeys.tour import STARTS, cycle_file


class Morning(Evening):
    """The poll is prepared, and opens soon."""

    def play_to_the_vote(self) -> None:
        """Not quite."""
        self.call("registration", "open_cycle", file=cycle_file())
        self.until("mobilised", lambda: self.is_in(LEG, "mobilised"))
        self.mobilise(LEG, STARTS[0])


def pages_of(evening: Evening) -> dict[str, TestResponse]:
    """The pages on which one votes, by how; all of them answer."""
    paths = {
        "by mail": f"/projets/{evening.titles['Poterie']}/voter",
        "by code": f"/votes/{evening.poll_id}/code",
        "at the tablet": f"/votes/{evening.poll_id}/borne",
    }
    pages = {how: evening.client.get(path) for how, path in paths.items()}
    assert {how: page.status_code for how, page in pages.items()} == dict.fromkeys(paths, 200)
    return pages


def must_say(evening: Evening, sentence: str) -> dict[str, TestResponse]:
    """The pages, which say so and let nobody vote."""
    pages = pages_of(evening)
    assert [how for how, page in pages.items() if sentence not in main_of(page)] == []
    assert [how for how, page in pages.items() if "<form" in main_of(page)] == []
    return pages


def test_before_the_vote_pages_say_so_and_the_tablet_opens_by_itself(tmp_path: Path) -> None:
    morning = Morning(tmp_path)
    pages = must_say(morning, "Le vote n’est pas encore ouvert.")
    tablet = pages["at the tablet"]
    assert tablet.headers["Refresh"] == f"30; url=/votes/{morning.poll_id}/borne"
    assert "de lui-même sur cette tablette" in main_of(tablet)
    assert "Refresh" not in pages["by code"].headers
    morning.at(STARTS[0])
    morning.until("the poll is open", lambda: morning.poll(LEG)["open"])
    opened = pages_of(morning)
    assert [how for how, page in opened.items() if "<form" not in main_of(page)] == []


def test_after_the_vote_pages_say_so(evening: Evening) -> None:
    evening.counted()
    must_say(evening, "Le vote est clos.")


def test_a_cancelled_vote_is_called_cancelled(evening: Evening) -> None:
    evening.call("registration", "move_marathon", marathon=LEG, to="cancelled", reason="Crue.")
    evening.until("it is void", lambda: evening.poll(LEG)["state"] == "void")
    must_say(evening, "Le vote est annulé.")
    path = f"/votes/{evening.poll_id}/recu"
    checked = evening.client.post(path, data={"receipt": "0" * 32})
    assert "Ce scrutin est annulé." in main_of(checked)
    assert "Revenez" not in main_of(checked)
