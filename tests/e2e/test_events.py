"""Events as their readers get them: from a service of two processes, over HTTP."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from api.caller import Scope
from api.factory import open_services
from api.services.house import Services
from api.settings import Settings
from api.store.engine import Connection
from mobile_schemas.events import EventOut
from tests.e2e.conftest import Site
from tests.e2e.running import PROGRAM
from tests.services.campaigns import SLUG, Campaign, a_campaign, vote


class Stream:
    """A stream of events, as a client reads it."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"authorization": f"Bearer {token}"}
        self.cursor: str | None = None

    async def read(self, count: int, query: str = "") -> list[EventOut]:
        """Read so many events, going on after the last one that was read."""
        events: list[EventOut] = []
        headers = self._headers | ({"last-event-id": self.cursor} if self.cursor else {})
        async with (
            asyncio.timeout(20),
            httpx2.AsyncClient(timeout=None) as client,
            client.stream("GET", f"{self._url}{query}", headers=headers) as response,
        ):
            assert response.headers["content-type"] == "text/event-stream"
            async for line in response.aiter_lines():
                if line.startswith("id: "):
                    self.cursor = line[4:]
                if line.startswith("data: "):
                    events.append(EventOut.model_validate_json(line[6:]))
                if len(events) >= count and not line:
                    break
        return events


@pytest.fixture
async def services(site: Site, tmp_path: Path) -> AsyncIterator[Services]:
    opened = await open_services(Settings(data_dir=tmp_path), site.database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def database(site: Site) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(site.database_url)
    yield connection
    await connection.execute("TRUNCATE project CASCADE; TRUNCATE outbox")
    await connection.close()


@pytest.fixture
async def campaign(services: Services, database: Connection) -> Campaign:
    return await a_campaign(services, database, subjects=4)


async def researcher(services: Services) -> str:
    return (await services.tokens.issue(SLUG, Scope.RESEARCHER, "test")).token


async def retire(services: Services, campaign: Campaign, *places: int) -> None:
    for place in places:
        await vote(services, campaign, campaign.arc, campaign.subjects[place], "no", "no")


async def test_what_another_process_commits_reaches_streams_which_resume_where_they_were(
    site: Site, services: Services, campaign: Campaign
) -> None:
    url = f"{site.url}/v1/projects/{SLUG}/events/stream"
    stream = Stream(url, await researcher(services))
    await retire(services, campaign, 0)
    await stream.read(0)  # begins behind what has happened
    await retire(services, campaign, 1)

    missed = await stream.read(1)
    waiting = asyncio.create_task(stream.read(1))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    await retire(services, campaign, 2)
    live = await waiting
    took = time.monotonic() - began
    stream.cursor = None
    everything = await stream.read(3, "?after=0&kinds=subject.retired,label.revised")

    subjects = [f"S{each}" for each in campaign.subjects]
    assert [event.subject for event in (*missed, *live)] == subjects[1:3]
    assert [(event.subject, event.position) for event in everything] == list(zip(subjects, (1, 2, 3), strict=False))
    assert took < 5


async def test_a_stream_says_what_is_wrong_before_it_begins(site: Site, services: Services, campaign: Campaign) -> None:
    token = {"authorization": f"Bearer {await researcher(services)}"}
    await campaign.database.execute("INSERT INTO project (slug) VALUES ('rings')")
    async with httpx2.AsyncClient(base_url=f"{site.url}/v1/projects/") as client:
        wrong_id = await client.get(f"{SLUG}/events/stream", headers=token | {"last-event-id": "seven"})
        wrong_kind = await client.get(f"{SLUG}/events/stream?kinds=subject.born", headers=token)
        others = await client.get("rings/events/stream", headers=token)
        nowhere = await client.get("nebulae/events/stream", headers=token)
        nobody = await client.get(f"{SLUG}/events/stream")

    assert [reply.status_code for reply in (wrong_id, wrong_kind, others, nowhere, nobody)] == [422, 422, 403, 404, 401]
    assert wrong_id.json()["errors"][0]["parameter"] == "Last-Event-ID"
    assert "subject.retired" in wrong_kind.json()["errors"][0]["remedy"]


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_service_with_open_streams_stops_at_once(
    site: Site, services: Services, campaign: Campaign, processes: str
) -> None:
    token = await researcher(services)
    service = await asyncio.create_subprocess_exec(
        *PROGRAM, "serve", "--processes", processes, "--port", "0", env=site.env, stdout=subprocess.PIPE
    )
    assert service.stdout is not None
    url = (await service.stdout.readline()).decode().split()[3]
    streams = [
        asyncio.create_task(Stream(f"{url}/v1/projects/{SLUG}/events/stream?after=0", token).read(99)) for _ in range(6)
    ]
    await retire(services, campaign, 0)
    await asyncio.sleep(1)

    began = time.monotonic()
    service.send_signal(signal.SIGTERM)
    read = await asyncio.gather(*streams)
    await service.wait()
    took = time.monotonic() - began

    assert [len(events) for events in read] == [1] * 6
    assert service.returncode in (0, -signal.SIGTERM)  # uvicorn passes the signal on when it is alone
    assert took < 5


async def test_the_command_line_follows_events_and_keeps_webhooks(
    site: Site, services: Services, campaign: Campaign
) -> None:
    await retire(services, campaign, 0, 1)

    follow = await asyncio.create_subprocess_exec(
        *PROGRAM, "events", "follow", "--project", SLUG, "--after", "1", env=site.env, stdout=subprocess.PIPE
    )
    assert follow.stdout is not None
    event = json.loads(await asyncio.wait_for(follow.stdout.readline(), 30))
    follow.send_signal(signal.SIGINT)
    hook = await said(site, "webhooks", "add", "https://observatory.example/hook", "--project", SLUG)
    listed = await said(site, "webhooks", "list", "--project", SLUG)
    number = listed.splitlines()[1].split()[0]
    replayed = await said(site, "webhooks", "replay", number, "--after", "1")

    assert (event["position"], event["event"]) == (2, "subject.retired")
    assert await asyncio.wait_for(follow.wait(), 10) == 0
    assert hook.startswith("whsec_")
    assert replayed == f"Webhook {number} goes on after position 1.\n"


async def said(site: Site, *arguments: str) -> Any:
    command = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, env=site.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output, _ = await asyncio.wait_for(command.communicate(), 60)
    assert command.returncode == 0
    return output.decode()
