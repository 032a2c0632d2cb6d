"""What a benchmark holds its servers to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks import bench


def test_a_server_that_does_not_wait_for_the_disk_is_not_measured(
    own_servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "SETTINGS_READ_S", 1)
    with pytest.raises(RuntimeError, match="'fsync': 'off'"):
        bench.must_wait_for_the_disk(own_servers.servers.database_url)
    try:
        own_servers.postgres.set_fast(False)
        bench.must_wait_for_the_disk(own_servers.servers.database_url)
    finally:
        own_servers.postgres.set_fast(True)
