"""Events through `kill -9` of API processes: none lost, none out of order, whoever waits for them."""

from pathlib import Path

from api.postgres.home import Home
from api.settings import Settings
from benchmarks.events import run_events


async def test_events_reach_webhooks_and_streams_through_kills_of_api_processes(
    server_home: Home, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=server_home.url("postgres"))

    found = await run_events(settings, seconds=3, rate=150, kills=3, seed=1)

    assert (found["kills"], found["broken"]) == (3, [])
    assert found["announced"] > 30
    for way in (found["webhook"], found["stream"]):
        assert (way["events"], way["lost"], way["out_of_sequence"]) == (found["announced"], 0, 0)
    assert found["stream"]["doubled"] == 0
