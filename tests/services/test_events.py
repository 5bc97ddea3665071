import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from scipy.special import expit

from api.caller import Scope
from api.errors import NotAllowedError, NoVOEventError, UnknownEventError, UnknownProjectError
from api.services.events import Events, Page
from api.services.finishing import Finishing
from api.services.hub import Hub
from api.services.levels import Levels
from api.services.project_rules import ProjectRules
from api.services.published import PublishedCascades
from api.services.sequencing import sequence
from api.services.totals import Totals
from api.store.engine import Connection, Pool
from cascade.skill import CLIP_UNPROVEN, MICRO
from cascade.vocabulary import Answer
from mobile_schemas.events import EventOut
from tests.services.harvest import Harvest, a_researcher, revise, sow

ARC_OR_RING_THEN_LENS = """
project: lenses
workflows:
  - {name: arc, question: "An arc?", policy: {count: 1}, audit: 0.999999, then: {yes: lens, no: ring, contested: ring}}
  - {name: ring, question: "A ring?", policy: {count: 1}, audit: 0, then: {yes: lens, no: retire}}
  - {name: lens, question: "A lens?", policy: {count: 1}, audit: 0, then: {yes: retire, no: retire}}
"""


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Hub]:
    hub = Hub(database_url)
    yield hub
    await hub.close()


@pytest.fixture
def events(pool: Pool, hub: Hub) -> Events:
    return Events(pool, hub, "observatory.example")


async def told(events: Events, harvest: Harvest, kinds: tuple[str, ...] | None = None) -> list[EventOut]:
    """Return all events, each held against the contract."""
    feed = await events.feed(a_researcher(harvest.project_id), harvest.slug)
    page = await events.page(feed, 0, 1000, kinds)
    return [EventOut(**event) for event in page.events]


async def place(harvest: Harvest, subject: int, ra: float = 150.1163213, dec: float = 2.2056) -> None:
    await harvest.connection.execute("UPDATE subject SET ra = $2, dec = $3 WHERE id = $1", subject, ra, dec)


async def test_a_retirement_is_told_with_all_that_its_label_says(harvest: Harvest, events: Events) -> None:
    subject = await harvest.retired("galaxy 7")
    await place(harvest, subject)

    retired, moved_on = await told(events, harvest)

    assert retired.model_dump(exclude_none=True, exclude={"at", "label"}) == {
        "position": 1,
        "event": "subject.retired",
        "project": "lenses",
        "subject": f"S{subject}",
        "external_id": "galaxy 7",
        "sky": {"ra": 150.1163213, "dec": 2.2056},
        "workflow": harvest.workflows["arc"],
        "workflow_name": "arc",
    }
    assert retired.label is not None
    assert (retired.label.cursor, retired.label.label, retired.label.counted) == (1, "yes", 2)
    assert (moved_on.event, moved_on.workflow_name, moved_on.to, moved_on.label) == (
        "subject.moved_on",
        "arc",
        "lens",
        None,
    )


async def test_an_experts_word_is_told_with_its_reason_and_a_subject_moves_on_once(
    harvest: Harvest, events: Events
) -> None:
    subject = await harvest.retired(answer="no")
    await revise(harvest, subject, Answer.YES)
    await revise(harvest, subject, Answer.YES)

    found = await told(events, harvest)

    assert [(event.event, event.to, event.why) for event in found] == [
        ("subject.retired", None, None),
        ("label.revised", None, "seen with the telescope"),
        ("subject.moved_on", "lens", None),
        ("label.revised", None, "seen with the telescope"),
    ]
    assert found[1].author == "Caroline"


async def test_a_promotion_is_told_under_a_pseudonym_and_only_where_it_changes_something(
    harvest: Harvest, events: Events, pool: Pool
) -> None:
    person = await harvest.connection.fetchval("INSERT INTO person DEFAULT VALUES RETURNING id")
    number = await harvest.connection.fetchval("INSERT INTO volunteer (person_id) VALUES ($1) RETURNING id", person)
    levels = Levels(pool, ProjectRules(PublishedCascades()))

    for level in (2, 2, 4):
        await levels.grant(f"V{number}", "lenses", level)
    await levels.revoke(f"V{number}", "lenses")
    await levels.revoke(f"V{number}", "lenses")

    found = await told(events, harvest)
    changes = [(event.event, event.before, event.level, event.action) for event in found]
    assert changes == [
        ("volunteer.levelled", 1, 2, "granted"),
        ("volunteer.levelled", 2, 4, "granted"),
        ("volunteer.levelled", 4, 1, "revoked"),
    ]
    assert len({event.volunteer for event in found}) == 1
    assert found[0].volunteer is not None


async def finished(harvest: Harvest, events: Events) -> list[str | None]:
    """Count, look for what is finished, and return all that was ever announced."""
    await Totals().count(harvest.connection)
    await Finishing(PublishedCascades()).look(harvest.connection)
    return [event.workflow_name for event in await told(events, harvest, ("workflow.finished",))]


async def test_a_workflow_is_finished_when_nothing_is_left_in_it_or_can_still_come(
    connection: Connection, events: Events
) -> None:
    harvest = await sow(connection, ARC_OR_RING_THEN_LENS)
    empty = await finished(harvest, events)
    through, around = await harvest.entered("through"), await harvest.entered("around")
    await harvest.vote(1, through)
    await harvest.vote(1, through, workflow="lens")
    while_one_is_open = await finished(harvest, events)
    await harvest.vote(1, around, "no")
    while_one_may_come = await finished(harvest, events)
    await harvest.vote(1, around, "no", "ring")
    in_the_end = await finished(harvest, events)
    again = await finished(harvest, events)

    assert (empty, while_one_is_open, while_one_may_come) == ([], [], ["arc"])
    assert in_the_end == again
    assert set(in_the_end) == {"arc", "lens", "ring"}
    assert len(in_the_end) == 3


async def test_a_workflow_that_gets_new_subjects_finishes_anew(harvest: Harvest, events: Events) -> None:
    await harvest.retired(answer="no")
    first = await finished(harvest, events)
    await harvest.entered("new")
    meanwhile = await finished(harvest, events)
    await harvest.connection.execute("UPDATE stage SET state = 3; DELETE FROM dealable")  # it has become gold
    second = await finished(harvest, events)

    assert (first, meanwhile, second) == (["arc"], ["arc"], ["arc", "arc"])


async def test_the_cursor_moves_over_kinds_that_are_left_out(harvest: Harvest, events: Events) -> None:
    await harvest.retired("a")
    await harvest.retired("b", "no")
    feed = await events.feed(None, "lenses")

    page = await events.page(feed, 0, 2, ("subject.moved_on",))
    none = await events.page(feed, 2, 2, ("subject.moved_on",))
    full = await events.page(feed, 0, 1, None)

    assert ([event["position"] for event in page.events], page.cursor) == ([2], 3)
    assert (none, full.cursor) == (Page([], 3), 1)


async def test_events_are_for_researchers_of_the_project(harvest: Harvest, events: Events) -> None:
    for stranger in (a_researcher(harvest.project_id + 1), a_researcher(harvest.project_id, Scope.IMPORT)):
        with pytest.raises(NotAllowedError, match="for its researchers"):
            await events.feed(stranger, "lenses")
    with pytest.raises(UnknownProjectError):
        await events.feed(None, "nebulae")


# Streams


async def following(events: Events, harvest: Harvest, after: int | None, count: int) -> list[int]:
    """Follow until so many events have come; return their positions."""
    feed, positions = await events.feed(None, harvest.slug), list[int]()
    async with asyncio.timeout(20), contextlib.aclosing(events.follow(feed, after, None)) as pages:
        async for page in pages:
            positions += [event["position"] for event in page.events]
            if len(positions) >= count:
                break
    return positions


async def test_streams_tell_what_happens_without_a_worker_and_resume(harvest: Harvest, events: Events) -> None:
    await harvest.retired("before")
    await sequence(harvest.connection)
    fresh, whole = (asyncio.create_task(following(events, harvest, after, n)) for after, n in ((None, 2), (0, 4)))
    await asyncio.sleep(0.2)

    await harvest.retired("now")

    assert (await fresh, await whole) == ([3, 4], [1, 2, 3, 4])
    assert await following(events, harvest, 2, 2) == [3, 4]


async def test_a_stream_goes_on_after_its_connections_were_cut(harvest: Harvest, events: Events) -> None:
    stream = asyncio.create_task(following(events, harvest, 0, 6))
    for number in range(3):
        await asyncio.sleep(0.3)
        await harvest.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await harvest.retired(f"galaxy {number}")

    assert await stream == [1, 2, 3, 4, 5, 6]


async def test_streams_end_when_the_process_is_asked_to_stop(harvest: Harvest, events: Events) -> None:
    streams = [asyncio.create_task(following(events, harvest, None, 1)) for _ in range(3)]
    await asyncio.sleep(0.2)

    events.end_streams()

    assert await asyncio.wait_for(asyncio.gather(*streams), 2) == [[], [], []]


# VOEvents


async def test_a_retirement_with_a_position_is_a_voevent(harvest: Harvest, events: Events) -> None:
    subject = await harvest.retired('<galaxy> & "seven"\x01', "yes")
    await place(harvest, subject)
    await sequence(harvest.connection)
    feed = await events.feed(None, "lenses")

    packet: Any = ElementTree.fromstring(await events.voevent(feed, 1))

    name = f"ivo://observatory.example/lenses#{harvest.workflows['arc']}.S{subject}"
    assert (packet.get("ivorn"), packet.get("role")) == (f"{name}.1", "observation")
    assert [param.get("value") for param in packet.findall("What/Param")][:4] == [
        f"S{subject}",
        '<galaxy> & "seven"',
        "arc",
        "yes",
    ]
    assert [packet.findtext(f".//Value2/{axis}") for axis in ("C1", "C2")] == ["150.1163213", "2.2056"]
    assert float(packet.find("Why/Inference").get("probability")) == pytest.approx(expit(CLIP_UNPROVEN / MICRO))
    assert packet.findtext("Why/Inference/Concept") == "Is there an arc?"
    assert packet.find("Citations") is None


async def test_a_revision_supersedes_the_voevent_before_it(harvest: Harvest, events: Events) -> None:
    subject = await harvest.retired(answer="no")
    await place(harvest, subject)
    await revise(harvest, subject, Answer.YES)
    await sequence(harvest.connection)
    feed = await events.feed(None, "lenses")

    first, second = [ElementTree.fromstring(await events.voevent(feed, position)) for position in (1, 2)]

    cited: Any = second.find("Citations/EventIVORN")
    assert (cited.text, cited.get("cite")) == (first.get("ivorn"), "supersedes")
    assert second.findtext("Why/Inference/Description") == "seen with the telescope"


async def test_what_is_no_voevent_says_why(harvest: Harvest, events: Events) -> None:
    subject = await harvest.retired()
    await sequence(harvest.connection)
    feed = await events.feed(None, "lenses")

    with pytest.raises(NoVOEventError, match=f"S{subject} has no position in the sky"):
        await events.voevent(feed, 1)
    with pytest.raises(NoVOEventError, match="it brings no label"):
        await events.voevent(feed, 2)
    with pytest.raises(UnknownEventError, match="no event 3"):
        await events.voevent(feed, 3)
