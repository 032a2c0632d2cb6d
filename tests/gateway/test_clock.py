"""The clock of demo and tests: forward only, for organisers of all marathons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.gateway.stage import StandIn, bearer, json_of, person, stand_in_app


def test_clock_moves_forward_only(tmp_path: Path) -> None:
    caller = StandIn()
    caller.people["boss"] = person(("organiser", None), key=None)
    client = stand_in_app(tmp_path, caller, clock_file=tmp_path / "clock").test_client()
    headers = bearer("boss")
    for wanted, status in [
        ("2030-01-01T00:00:00Z", 200),
        ("2030-01-02T01:00:00+01:00", 200),
        ("2030-01-01T12:00:00Z", 409),
        ("tomorrow", 422),
    ]:
        answer = client.put("/api/v1/clock", json={"now": wanted}, headers=headers)
        assert answer.status_code == status, json_of(answer)
    shown = datetime.fromisoformat(json_of(client.get("/api/v1/clock"))["now"])
    assert timedelta() <= shown - datetime(2030, 1, 2, tzinfo=UTC) < timedelta(seconds=30)
