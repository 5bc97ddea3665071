"""The phone tries again what may pass, sends the same again, and gives up on what will not pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

import pytest
from aiohttp import web

from api.phone import Phone, RefusedError, StrangeReplyError, UnansweredError, new_id, new_swipe
from cascade.vocabulary import Answer
from mobile_schemas.decks import DeckIn
from mobile_schemas.problems import PROBLEM_MEDIA_TYPE, ProblemOut

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEALTHY = {"status": "ok", "version": "0.1.0", "database": "reachable"}


@asynccontextmanager
async def a_service(answering: Answering) -> AsyncIterator[str]:
    """A server on a free port that leaves every request to a function."""
    runner = web.ServerRunner(web.Server(answering))  # type: ignore[arg-type]  # the hint lacks StreamResponse
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def a_problem(status: int, detail: str = "it happens", **headers: str) -> Answering:
    problem = ProblemOut(
        type="/problems/test", title="A test", status=status, detail=detail, instance="/health", errors=[]
    )

    async def answer(_request: web.Request) -> web.StreamResponse:
        text = problem.model_dump_json()
        return web.Response(status=status, text=text, content_type=PROBLEM_MEDIA_TYPE, headers=headers)

    return answer


def answers(*replies: Answering) -> Answering:
    """Answer with these in turn, the last one ever after."""
    numbers = count()

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        return await replies[min(next(numbers), len(replies) - 1)](request)

    return answer


async def healthy(_request: web.Request) -> web.StreamResponse:
    return web.json_response(HEALTHY)


async def somebody_else(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"hello": "world"})


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("trouble", [a_problem(500), a_problem(503), a_problem(429), hang_up])
async def test_what_may_pass_is_tried_again(trouble: Answering) -> None:
    async with a_service(answers(trouble, healthy)) as url, Phone(url, patience_seconds=5) as phone:
        health = await phone.health()

    assert health.model_dump() == HEALTHY


async def test_the_pause_that_the_service_asks_for_is_kept() -> None:
    loop = asyncio.get_running_loop()
    async with (
        a_service(answers(a_problem(503, **{"Retry-After": "1"}), healthy)) as url,
        Phone(url, patience_seconds=5) as phone,
    ):
        started = loop.time()
        await phone.health()

    assert 1 <= loop.time() - started < 2


async def test_what_will_not_pass_is_raised_at_once_with_its_problem() -> None:
    async with a_service(answers(a_problem(410, "workflow 3 is retired"))) as url, Phone(url) as phone:
        with pytest.raises(RefusedError, match="answered with 410: workflow 3 is retired") as refused:
            await phone.deck("chf_x", 3, DeckIn(key=new_id(), size=1, width=1, holding=[]))

    assert refused.value.problem.status == 410


async def test_patience_ends_and_says_why() -> None:
    away = a_problem(503, "the database does not answer")
    async with a_service(away) as url, Phone(url, patience_seconds=0.3) as phone:
        with pytest.raises(UnansweredError, match="503: the database does not answer"):
            await phone.health()


async def test_nobody_at_the_port_is_told_in_one_line() -> None:
    async with Phone("http://127.0.0.1:1", patience_seconds=0.1) as phone:
        with pytest.raises(UnansweredError, match=r"http://127\.0\.0\.1:1 could not be asked .*; is the service well"):
            await phone.health()


async def test_somebody_else_at_the_port_is_told_apart() -> None:
    async with a_service(answers(somebody_else)) as url, Phone(url) as phone:
        with pytest.raises(StrangeReplyError, match="not one of this version"):
            await phone.health()


async def test_swipes_that_could_not_be_stored_are_sent_again_under_the_same_ids() -> None:
    received: list[list[str]] = []

    async def busy_with_the_second(request: web.Request) -> web.StreamResponse:
        ids = [item["id"] for item in (await request.json())["classifications"]]
        received.append(ids)
        verdicts = [
            {"id": each, "verdict": "retry" if place == 1 else "created", "reason": "busy" if place == 1 else None}
            for place, each in enumerate(ids)
        ]
        return web.json_response({"verdicts": verdicts})

    swipes = [new_swipe(1, f"S{number}", Answer.YES) for number in (1, 2, 3)]
    async with a_service(answers(hang_up, busy_with_the_second)) as url, Phone(url) as phone:
        verdicts = await phone.swipe("chf_x", swipes)

    ids = [str(swipe.id) for swipe in swipes]
    assert received == [ids, ids[1:2]]
    assert [(str(verdict.id), verdict.verdict) for verdict in verdicts] == [(each, "created") for each in ids]


def test_new_ids_are_uuids_of_version_7_that_begin_with_the_time() -> None:
    made: UUID = new_id()

    assert made.version == 7
    assert abs((made.int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 10
