import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import structlog
from pydantic import ValidationError
from pydantic_core import to_json

from api.caller import Caller
from api.errors import (
    EndpointRefusedError,
    LevelNotHeldError,
    UnknownSubscriptionError,
    UnknownWorkflowError,
    WorkflowRetiredError,
)
from api.factory import open_services
from api.outbound.posting import Poster
from api.services.granting import PATIENCE, Granting
from api.services.house import Services
from api.services.published import PublishedCascades
from api.services.push import MOST_SUBSCRIPTIONS
from api.services.push_words import LANGUAGES, message_of
from api.services.pushing import OLDEST_SECONDS, Pushing, pause_seconds
from api.settings import Settings
from api.store.engine import Connection
from mobile_schemas.push import PushKeyOut, PushSubscriptionIn, PushSubscriptionOut, WishOut
from mobile_schemas.volunteers import volunteer_id
from tests.services.campaigns import Campaign, a_campaign, a_person, deal, vote
from tests.services.harvest import Connect
from tests.services.push_services import Browser, a_push_service
from tests.services.receivers import says

SUBJECT = "mailto:campaign@observatory.example"


@pytest.fixture
async def services(database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The services of one process, in a network of its own."""
    opened = await open_services(Settings(data_dir=tmp_path, private_addresses=True), database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def campaign(services: Services, database: Connection) -> Campaign:
    return await a_campaign(services, database)


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    poster = Poster(private_addresses=True, timeout_seconds=1, shared=True)
    yield poster
    await poster.close()


Send = Callable[[], Awaitable[int]]


@pytest.fixture
def send(poster: Poster, database: Connection) -> Send:
    """Send what is due, as a worker does."""
    pushing = Pushing(poster.post, SUBJECT, random.Random(1))
    return lambda: pushing.turn(database)


def granting(campaign: Campaign) -> Granting:
    return Granting(PublishedCascades(), random.Random(campaign.project))


async def subscribe(services: Services, caller: Caller, browser: Browser, language: str | None = None) -> UUID:
    reply = await services.push.subscribe(caller, browser.wanted(language))
    return PushSubscriptionOut.model_validate_json(to_json(reply)).id


async def wish(services: Services, caller: Caller, workflow: int) -> WishOut:
    return WishOut.model_validate_json(to_json(await services.push.ask_for_more(caller, workflow)))


async def pass_a_minute(database: Connection) -> None:
    """Let the time be over for which a wish is left alone."""
    minute = "interval '61 s'"
    await database.execute(f"UPDATE push_wish SET since = since - {minute}, look_at = look_at - {minute}")


async def see_all(services: Services, campaign: Campaign, caller: Caller) -> None:
    await deal(services, caller, campaign.arc, 50)


async def import_subjects(campaign: Campaign, count: int) -> None:
    """Let new subjects come to the entry workflow."""
    await campaign.database.execute(
        "WITH new AS (INSERT INTO subject (project_id, external_id, metadata)"
        " SELECT $1, 'new' || i, '{}' FROM generate_series(1, $3::int) i RETURNING id),"
        " entered AS (INSERT INTO stage (workflow_id, subject_id, draw, version_id, need)"
        " SELECT $2, id, id, 1, 2 FROM new)"
        " INSERT INTO dealable (workflow_id, tier, draw, subject_id) SELECT $2, 0, id, id FROM new",
        campaign.project,
        campaign.arc,
        count,
    )


async def queued(database: Connection) -> list[tuple[Any, ...]]:
    """Return kind, attempts and error of all messages."""
    rows = await database.fetch("SELECT kind, attempts, error FROM push_message ORDER BY id")
    return [tuple(row) for row in rows]


async def hurry(database: Connection) -> None:
    """Let the pause after a failure be over."""
    await database.execute("UPDATE push_message SET next_at = now()")


async def a_level(services: Services, campaign: Campaign, browser: Browser) -> Caller:
    """Let somebody at a browser rise."""
    caller = await a_person(campaign)
    await subscribe(services, caller, browser)
    await services.levels.grant(volunteer_id(caller.volunteer_id), "lenses", 2)
    return caller


# The key


async def test_all_processes_have_the_same_key(services: Services, other_services: Services) -> None:
    asked = [each.push.key() for each in (services, other_services) for _ in range(3)]

    keys = [PushKeyOut.model_validate_json(to_json(key)).public_key for key in await asyncio.gather(*asked)]

    assert len(set(keys)) == 1


# Subscriptions


async def test_only_https_at_a_public_name_is_taken_as_an_endpoint(
    other_services: Services, database: Connection
) -> None:
    caller = await a_person(await a_campaign(other_services, database))
    right = ["https://push.example.org/send/a", "https://updates.push.example.org:8443/wpush/v2/a?b=c"]
    wrong = [
        "http://push.example.org/send/a",
        "https://127.0.0.1/send/a",
        "https://2130706433/send/a",
        "https://localhost/send/a",
        "https://10.0.0.5:9000/a.b/",
    ]

    for endpoint in right:
        await subscribe(other_services, caller, Browser(endpoint))
    for endpoint in wrong:
        with pytest.raises(EndpointRefusedError):
            await subscribe(other_services, caller, Browser(endpoint))

    rows = await database.fetch("SELECT endpoint FROM push_subscription ORDER BY renewed_at")
    assert [row[0] for row in rows] == right


def test_keys_that_are_none_are_no_subscription() -> None:
    right = json.loads(Browser("https://push.example.org/a").wanted().model_dump_json())
    shifted = right["p256dh"][:-2] + ("A" if right["p256dh"][-2] != "A" else "B") + right["p256dh"][-1]

    for field, wrong in (("p256dh", shifted), ("p256dh", right["auth"]), ("auth", right["auth"] + "=="), ("auth", "")):
        with pytest.raises(ValidationError) as refused:
            PushSubscriptionIn.model_validate_json(json.dumps(right | {field: wrong}))
        assert [error["loc"] for error in refused.value.errors()] == [(field,)]


async def test_an_endpoint_belongs_to_whoever_subscribed_last(
    services: Services, campaign: Campaign, database: Connection
) -> None:
    browser = Browser("https://push.example.org/send/a")
    first = await a_level(services, campaign, browser)
    second = await a_person(campaign)
    kept = await subscribe(services, first, browser)
    again = await subscribe(services, first, browser)
    waiting = await queued(database)

    moved = await subscribe(services, second, browser, "es")

    assert kept == again != moved
    assert (waiting, await queued(database)) == ([("level", 0, None)], [])
    assert await database.fetchval("SELECT volunteer_id FROM push_subscription") == second.volunteer_id


async def test_subscriptions_of_others_are_not_found(services: Services, campaign: Campaign) -> None:
    mine, theirs = await a_person(campaign), await a_person(campaign)
    number = await subscribe(services, mine, Browser("https://push.example.org/send/a"))

    with pytest.raises(UnknownSubscriptionError):
        await services.push.unsubscribe(theirs, number)
    await services.push.unsubscribe(mine, number)
    with pytest.raises(UnknownSubscriptionError):
        await services.push.unsubscribe(mine, number)


async def test_of_many_subscriptions_the_newest_are_kept(
    services: Services, campaign: Campaign, database: Connection
) -> None:
    caller = await a_person(campaign)
    numbers = [
        await subscribe(services, caller, Browser(f"https://push.example.org/send/{n}"))
        for n in range(MOST_SUBSCRIPTIONS + 2)
    ]

    rows = await database.fetch("SELECT id FROM push_subscription ORDER BY renewed_at")

    assert [row[0] for row in rows] == numbers[2:]


# Wishes


async def test_a_wish_is_refused_where_cards_would_be(services: Services, campaign: Campaign) -> None:
    caller = await a_person(campaign)

    with pytest.raises(UnknownWorkflowError):
        await wish(services, caller, 999)
    with pytest.raises(LevelNotHeldError):
        await wish(services, caller, campaign.lens)
    first, again = await wish(services, caller, campaign.arc), await wish(services, caller, campaign.arc)
    await services.publishing.publish(
        "project: lenses\nworkflows:\n  - {name: arc, question: Other, policy: {count: 1}}"
    )
    with pytest.raises(WorkflowRetiredError):
        await wish(services, caller, campaign.arc)

    assert first == again


async def test_a_wish_is_granted_once_when_subjects_come(
    services: Services, campaign: Campaign, database: Connection, send: Send
) -> None:
    caller = await a_person(campaign)
    async with a_push_service() as there:
        browser = Browser(f"{there.url}/a")
        await subscribe(services, caller, browser, "es-MX")
        await see_all(services, campaign, caller)
        await wish(services, caller, campaign.arc)
        await pass_a_minute(database)
        nothing_new = await granting(campaign).look(database)
        await pass_a_minute(database)

        await import_subjects(campaign, 1)
        granted = [await granting(campaign).look(database) for _ in range(2)]
        sent = [await send() for _ in range(2)]

        (pushed,) = there.got
        told = browser.read(pushed)
        assert (nothing_new, granted, sent) == (0, [1, 0], [1, 0])
        assert told.model_dump() == {
            "kind": "more",
            "title": "lenses",
            "body": "Hay más por mirar: \u2068Is there an arc?\u2069",
            "url": f"/p/lenses/{campaign.arc}",
            "tag": "more",
        }
        claims = pushed.claims()
        place = urlsplit(there.url)
        assert claims["aud"] == f"{place.scheme}://{place.netloc}"
        assert claims["sub"] == SUBJECT
        assert claims["key"] == (await services.push.key())["public_key"]
        headers = pushed.headers
        assert (headers["ttl"], headers["urgency"], len(headers["topic"])) == ("86400", "normal", 24)


async def test_what_is_left_already_grants_no_wish_within_a_minute(
    services: Services, campaign: Campaign, database: Connection
) -> None:
    caller = await a_person(campaign)
    await subscribe(services, caller, Browser("https://push.example.org/send/a"))
    await wish(services, caller, campaign.arc)

    at_once = await granting(campaign).look(database)
    await pass_a_minute(database)
    later = await granting(campaign).look(database)

    assert (at_once, later) == (0, 1)


async def test_wishes_are_kept_for_whoever_cannot_be_reached_or_lost_the_level(
    services: Services, campaign: Campaign, database: Connection
) -> None:
    unreachable, lowered = await a_person(campaign), await a_person(campaign, level=2)
    await subscribe(services, lowered, Browser("https://push.example.org/send/a"))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes")
    await wish(services, unreachable, campaign.arc)
    await wish(services, lowered, campaign.lens)
    await database.execute("DELETE FROM level_grant WHERE person_id = $1", lowered.person_id)
    await pass_a_minute(database)

    granted = await granting(campaign).look(database)

    assert granted == 0
    assert await database.fetchval("SELECT count(*) FROM push_wish") == 2


async def test_all_wishes_of_a_person_are_one_message_and_the_next_has_to_wait(
    services: Services, campaign: Campaign, database: Connection, send: Send
) -> None:
    caller = await a_person(campaign, level=2)
    async with a_push_service() as there:
        browser = Browser(f"{there.url}/a")
        await subscribe(services, caller, browser)
        await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes")
        for workflow in (campaign.arc, campaign.lens):
            await wish(services, caller, workflow)
        await pass_a_minute(database)

        together = await granting(campaign).look(database)
        await send()
        await wish(services, caller, campaign.arc)
        await pass_a_minute(database)
        too_soon = await granting(campaign).look(database)
        await database.execute("UPDATE push_told SET told_at = told_at - $1::interval", PATIENCE.quiet)
        await database.execute("UPDATE push_wish SET look_at = now()")
        in_time = await granting(campaign).look(database)

        assert (together, too_soon, in_time) == (1, 0, 1)
        told = browser.read(there.got[0])
        assert (told.body, told.url) == ("There is more to look at, for several questions.", "/p/lenses")


async def test_one_new_subject_calls_one_person_at_a_time(
    services: Services, campaign: Campaign, database: Connection
) -> None:
    callers = [await a_person(campaign) for _ in range(3)]
    for number, caller in enumerate(callers):
        await subscribe(services, caller, Browser(f"https://push.example.org/send/{number}"))
        await wish(services, caller, campaign.arc)
    await database.execute("DELETE FROM dealable WHERE subject_id <> $1", campaign.subjects[0])
    await pass_a_minute(database)

    granted = [await granting(campaign).look(database) for _ in range(4)]

    assert granted == [1, 1, 1, 0]


async def test_wishes_end_after_their_time(services: Services, campaign: Campaign, database: Connection) -> None:
    caller = await a_person(campaign)
    await subscribe(services, caller, Browser("https://push.example.org/send/a"))
    await wish(services, caller, campaign.arc)
    await database.execute("UPDATE push_wish SET expires_at = now()")
    await pass_a_minute(database)

    granted = await granting(campaign).look(database)

    assert granted == 0
    assert await database.fetchval("SELECT count(*) FROM push_wish") == 0


# Levels


async def test_whoever_rises_is_told_and_whoever_falls_is_not(
    services: Services, campaign: Campaign, send: Send
) -> None:
    async with a_push_service() as there:
        browser = Browser(f"{there.url}/a")
        caller = await a_level(services, campaign, browser)
        name = volunteer_id(caller.volunteer_id)
        await send()
        for level in (2, 1):
            await services.levels.grant(name, "lenses", level)
        await services.levels.revoke(name, "lenses")
        await send()

        (told,) = [browser.read(pushed) for pushed in there.got]
        assert told.kind == "level"
        assert told.body == "You have reached level 2. Harder questions are open to you now."
        assert (told.url, told.tag) == ("/p/lenses", "level-lenses")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_message_fits_in_every_language(language: str) -> None:
    workflow = {"id": 2**31 - 1, "question": "\U0001f30c" * 900, "slug": "x" * 64, "title": "\U0001f30c" * 900}

    told = message_of("more", {"workflows": [workflow]}, language.upper() + "-Latn")

    assert len(told.model_dump_json().encode()) < 3000
    assert told.body.endswith("…\u2069")


# Sending


async def test_two_workers_send_a_message_once(
    services: Services, campaign: Campaign, connect: Connect, poster: Poster
) -> None:
    async with a_push_service() as there:
        for number in range(30):
            await a_level(services, campaign, Browser(f"{there.url}/{number}"))
        workers = [(Pushing(poster.post, SUBJECT, random.Random(n)), await connect()) for n in range(3)]

        await asyncio.gather(*(pushing.turn(connection) for pushing, connection in workers for _ in [0]))
        await asyncio.gather(*(pushing.turn(connection) for pushing, connection in workers))

        assert sorted(pushed.path for pushed in there.got) == sorted(f"/send/{number}" for number in range(30))


async def test_what_a_killed_worker_took_up_gets_its_turn(
    services: Services, campaign: Campaign, database: Connection, send: Send
) -> None:
    async def dies(*_: object) -> Any:
        raise asyncio.CancelledError

    async with a_push_service() as there:
        await a_level(services, campaign, Browser(f"{there.url}/a"))
        with pytest.raises(asyncio.CancelledError):
            await Pushing(dies, SUBJECT, random.Random(1)).turn(database)
        while_it_may_live = await send()
        await hurry(database)

        assert (while_it_may_live, await send(), len(there.got)) == (0, 1, 1)


@pytest.mark.parametrize("status", [429, 500, 307])
async def test_a_message_that_is_not_taken_is_sent_again_later(
    services: Services, campaign: Campaign, database: Connection, send: Send, status: int
) -> None:
    async with a_push_service(says(status, "later", Retry_After="7200", Location="/elsewhere")) as there:
        await a_level(services, campaign, Browser(f"{there.url}/a"))

        await send()
        wait = await database.fetchval("SELECT extract(epoch FROM next_at - now())::int FROM push_message")
        at_once = await send()
        await hurry(database)
        await send()

        assert wait > 7100 if status != 307 else 20 < wait < 40
        assert (at_once, len(there.got), await queued(database)) == (0, 2, [])


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten_with_its_messages(
    services: Services, campaign: Campaign, database: Connection, send: Send, status: int
) -> None:
    async with a_push_service(says(status)) as there:
        caller = await a_level(services, campaign, Browser(f"{there.url}/a"))
        await subscribe(services, caller, Browser(f"{there.url}/b"))
        await services.levels.grant(volunteer_id(caller.volunteer_id), "lenses", 3)

        await send()

        rows = await database.fetch("SELECT endpoint FROM push_subscription")
        assert [row[0] for row in rows] == [f"{there.url}/b"]
        assert await queued(database) == []


async def test_a_service_that_refuses_us_is_named_once_in_the_log(
    services: Services, campaign: Campaign, database: Connection, send: Send
) -> None:
    refusal = says(403, '{"reason":"BadJwtToken"}')
    async with a_push_service(refusal, refusal) as there:
        await a_level(services, campaign, Browser(f"{there.url}/a"))
        with structlog.testing.capture_logs() as said:
            for _ in range(2):
                await send()
                await hurry(database)

    assert [(entry["log_level"], entry["contact"]) for entry in said] == [("warning", SUBJECT)]
    assert await queued(database) == [("level", 2, 'answered 403: {"reason":"BadJwtToken"}')]


async def test_what_is_too_large_or_too_old_is_dropped(
    services: Services, campaign: Campaign, database: Connection, send: Send
) -> None:
    async with a_push_service(says(413)) as there:
        await a_level(services, campaign, Browser(f"{there.url}/a"))
        await send()
        left = await queued(database)
        await a_level(services, campaign, Browser(f"{there.url}/b"))
        await database.execute(
            "UPDATE push_message SET created_at = now() - $1::float8 * interval '1 s'", OLDEST_SECONDS
        )
        await send()

        assert (left, await queued(database), len(there.got)) == ([], [], 1)


async def test_a_private_address_gets_no_message(services: Services, campaign: Campaign, database: Connection) -> None:
    poster = Poster(private_addresses=False, shared=True)
    async with a_push_service() as there:
        await a_level(services, campaign, Browser(f"{there.url}/a"))

        await Pushing(poster.post, SUBJECT, random.Random(1)).turn(database)
        await poster.close()

        assert there.got == []
        assert await queued(database) == [("level", 1, "the address is not a public one")]


def test_pauses_double_up_to_an_hour_and_respect_the_service() -> None:
    class Said:
        def __init__(self, status: int | None, retry_after_seconds: float | None = None) -> None:
            self.status, self.retry_after_seconds, self.error = status, retry_after_seconds, "no"

    dice = random.Random(3)

    own = [pause_seconds(attempts, Said(None), dice) for attempts in range(1, 12)]

    assert 24 <= own[0] <= 36
    assert 0.8 * 240 <= own[3] <= 1.2 * 240
    assert max(own) <= 1.2 * 3600
    assert pause_seconds(1, Said(429, 600), dice) == 600
    assert pause_seconds(1, Said(429, 1e9), dice) == 86400
    assert pause_seconds(1, Said(403), dice) > 2800


async def test_the_worker_grants_wishes_and_sends_messages(
    services: Services, campaign: Campaign, database: Connection, database_url: str, tmp_path: Path
) -> None:
    from api.worker import work  # noqa: PLC0415 - only this test needs all jobs

    caller = await a_person(campaign)
    async with a_push_service() as there:
        browser = Browser(f"{there.url}/a")
        await subscribe(services, caller, browser, "ar")
        await wish(services, caller, campaign.arc)
        await pass_a_minute(database)
        stop = asyncio.Event()
        settings = Settings(data_dir=tmp_path, private_addresses=True, push_contact=SUBJECT, avif=False)
        working = asyncio.create_task(work(database_url, stop, settings))
        async with asyncio.timeout(20):
            while not there.got:  # noqa: ASYNC110  # the push service has no event of ours
                await asyncio.sleep(0.05)
        stop.set()
        await working

    assert "هناك المزيد" in browser.read(there.got[0]).body
