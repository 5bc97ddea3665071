import asyncio
import json
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from api.caller import Caller, Scope
from api.errors import PublicationOvertakenError
from api.services.ballot import Ballot, Swipe
from api.services.house import Services
from api.services.published import PublishedCascades
from api.store.engine import Connection
from cascade.errors import DeclarationErrors
from cascade.vocabulary import StageState
from mobile_schemas.classifications import ClassificationIn
from mobile_schemas.decks import DealIn
from mobile_schemas.projects import ProjectOut

OPEN, RETIRED, WITHDRAWN = (int(state) for state in (StageState.OPEN, StageState.RETIRED, StageState.WITHDRAWN))

ARC_THEN_LENS = """
project: lenses
title: Lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: {count: 1}
    audit: 0
    then: {yes: lens, no: retire}
  - name: lens
    question: Is it a lens?
    policy: {count: 1}
    audit: 0
"""
LENS_ASKED_ANEW = ARC_THEN_LENS.replace("Is it a lens?", "Would you point a telescope at it?")
RING_FOR_LENS = ARC_THEN_LENS.replace("yes: lens", "yes: ring").replace("name: lens", "name: ring")
ONLY_RING = "project: lenses\nworkflows:\n  - {name: ring, question: A ring, policy: {count: 1}}\n"


async def import_subjects(
    database: Connection, metadata: Sequence[Mapping[str, str]], gold: Mapping[int, int] | None = None
) -> list[int]:
    """Add subjects to the project, and make those at the places in `gold` training material for `arc`."""
    await database.execute("INSERT INTO project (slug) VALUES ('lenses') ON CONFLICT DO NOTHING")
    rows = await database.fetch(
        "INSERT INTO subject (project_id, external_id, metadata)"
        " SELECT p.id, gen_random_uuid()::text, m::jsonb FROM project p, unnest($1::text[]) m RETURNING id",
        [json.dumps(each) for each in metadata],
    )
    ids = [row[0] for row in rows]
    for place, truth in (gold or {}).items():
        await database.execute(
            "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
            " SELECT $1, 'arc', 1, id, $2, 1 FROM project",
            ids[place],
            truth,
        )
    return ids


async def stages(database: Connection) -> set[tuple[str, int, int, int]]:
    """Return workflow, edition, subject and state of every stage."""
    rows = await database.fetch(
        "SELECT w.name, w.edition, s.subject_id, s.state FROM stage s JOIN workflow w ON w.id = s.workflow_id"
    )
    return {(row[0], row[1], row[2], row[3]) for row in rows}


async def dealt_from(database: Connection) -> set[tuple[str, int, int]]:
    """Return workflow, edition and subject of everything on the piles."""
    rows = await database.fetch(
        "SELECT w.name, w.edition, d.subject_id FROM dealable d JOIN workflow w ON w.id = d.workflow_id"
    )
    return {(row[0], row[1], row[2]) for row in rows}


async def an_importer(database: Connection) -> Caller:
    person = await database.fetchval("INSERT INTO person DEFAULT VALUES RETURNING id")
    volunteer = await database.fetchval("INSERT INTO volunteer (person_id) VALUES ($1) RETURNING id", person)
    project = await database.fetchval("SELECT id FROM project")
    return Caller(volunteer, person, None, Scope.IMPORT, project, "test")


async def workflow_number(database: Connection, name: str) -> int:
    number = await database.fetchval("SELECT id FROM workflow WHERE name = $1 AND closed_at IS NULL", name)
    assert isinstance(number, int)
    return number


def a_swipe(caller: Caller, workflow: int, subject: int) -> Swipe:
    item = ClassificationIn(
        id=uuid.UUID(int=random.getrandbits(61) | 2 << 62 | 7 << 76),
        workflow=workflow,
        subject=f"S{subject}",
        answer="yes",
        answered_at=datetime.now(UTC),
        dwell_ms=1000,
    )
    return Swipe(caller, item, subject)


async def deal(services: Services, caller: Caller, workflow: int, subject: int) -> None:
    await services.decks.deal_named(caller, workflow, DealIn(key=uuid.uuid4(), subjects=[f"S{subject}"]))


async def say_yes(services: Services, database: Connection, name: str, subject: int) -> None:
    """Let somebody new answer, which decides."""
    caller, workflow = await an_importer(database), await workflow_number(database, name)
    await deal(services, caller, workflow, subject)
    (verdict,) = await services.classifications.count([a_swipe(caller, workflow, subject)])
    assert verdict["verdict"] == "created"


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110  # another task's transaction, not an event
            await asyncio.sleep(0.02)


async def test_every_subject_that_is_not_gold_enters_where_the_conditions_let_it_in(
    services: Services, database: Connection
) -> None:
    declaration = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: {count: 3}
    when: {metadata: survey, equals: deep}
    else: ring
  - {name: ring, question: A ring, policy: {count: 3}, when: {metadata: rings, at_least: 1}}
"""
    deep, ringed, neither, _gold = await import_subjects(
        database, [{"survey": "deep"}, {"rings": "2"}, {}, {"survey": "deep"}], gold={3: 1}
    )

    publication = await services.publishing.publish(declaration)

    assert (publication.version, publication.withdrawn, publication.entered) == (1, 0, 2)
    assert await stages(database) == {("arc", 1, deep, OPEN), ("ring", 1, ringed, OPEN)}
    assert await dealt_from(database) == {("arc", 1, deep), ("ring", 1, ringed)}
    assert neither not in {subject for _, _, subject, _ in await stages(database)}


async def test_a_sequential_workflow_without_gold_of_both_classes_is_refused_with_its_line(
    services: Services, database: Connection
) -> None:
    declaration = "project: lenses\nworkflows:\n  - name: arc\n    question: An arc?\n    policy: sequential\n"
    await import_subjects(database, [{}] * 4, gold={0: 1, 1: 1, 2: 1, 3: 0})

    with pytest.raises(DeclarationErrors) as refused:
        await services.publishing.publish(declaration)

    assert [(error.line, error.where) for error in refused.value.errors] == [(5, "workflows[0].policy")]
    assert await database.fetchval("SELECT count(*) FROM cascade_version") == 0


async def test_what_means_the_same_adds_no_version(services: Services) -> None:
    await services.publishing.publish(ARC_THEN_LENS)

    again = await services.publishing.publish("# a comment\n" + ARC_THEN_LENS)

    assert (again.version, again.unchanged, list(again.changes)) == (1, True, [])


async def test_a_changed_question_takes_undecided_subjects_along_and_leaves_decided_ones(
    services: Services, database: Connection
) -> None:
    waiting, undecided, decided = await import_subjects(database, [{}] * 3)
    await services.publishing.publish(ARC_THEN_LENS)
    await say_yes(services, database, "arc", undecided)
    await say_yes(services, database, "arc", decided)
    await say_yes(services, database, "lens", decided)

    publication = await services.publishing.publish(LENS_ASKED_ANEW)

    assert (publication.version, publication.withdrawn, publication.entered) == (2, 1, 1)
    assert await stages(database) == {
        ("arc", 1, waiting, OPEN),
        ("arc", 1, undecided, RETIRED),
        ("arc", 1, decided, RETIRED),
        ("lens", 1, undecided, WITHDRAWN),
        ("lens", 2, undecided, OPEN),
        ("lens", 1, decided, RETIRED),
    }
    assert await dealt_from(database) == {("arc", 1, waiting), ("lens", 2, undecided)}
    await say_yes(services, database, "lens", undecided)


async def test_subjects_of_a_removed_workflow_go_where_their_label_leads_now_or_begin_anew(
    services: Services, database: Connection
) -> None:
    waiting, moved_on = await import_subjects(database, [{}] * 2)
    await services.publishing.publish(ARC_THEN_LENS)
    await say_yes(services, database, "arc", moved_on)

    await services.publishing.publish(RING_FOR_LENS)
    followed = await dealt_from(database)
    await services.publishing.publish(ONLY_RING)

    assert followed == {("arc", 1, waiting), ("ring", 1, moved_on)}
    assert await dealt_from(database) == {("ring", 2, waiting), ("ring", 2, moved_on)}


async def test_a_workflow_that_comes_back_is_a_new_edition(services: Services, database: Connection) -> None:
    await services.publishing.publish(ARC_THEN_LENS)
    await services.publishing.publish(RING_FOR_LENS)

    await services.publishing.publish(ARC_THEN_LENS)

    editions = await database.fetch("SELECT name, edition FROM workflow WHERE closed_at IS NULL ORDER BY id")
    assert [tuple(row) for row in editions] == [("arc", 1), ("lens", 2)]


async def test_a_project_shows_its_workflows_in_order_and_the_retired_ones_last(services: Services) -> None:
    await services.publishing.publish(ARC_THEN_LENS.replace("policy", "level: 2\n    policy"))
    await services.publishing.publish(ONLY_RING.replace("project: lenses", "project: lenses\ntitle: Rings"))

    shown = ProjectOut.model_validate(await services.projects.get("lenses"))

    assert (shown.title, shown.version) == ("Rings", 2)
    assert [(w.name, w.level, w.state) for w in shown.workflows] == [
        ("ring", 1, "active"),
        ("arc", 2, "retired"),
        ("lens", 2, "retired"),
    ]


async def test_a_vote_under_way_while_a_version_is_published_loses_no_subject(
    services: Services, database: Connection, database_url: str
) -> None:
    (subject,) = await import_subjects(database, [{}])
    await services.publishing.publish(ARC_THEN_LENS)
    caller, arc = await an_importer(database), await workflow_number(database, "arc")
    await deal(services, caller, arc, subject)
    voter = await asyncpg.connect(database_url)

    async with voter.transaction():
        await Ballot(voter, PublishedCascades(), random.Random(1)).count([a_swipe(caller, arc, subject)])
        publishing = asyncio.create_task(services.publishing.publish(LENS_ASKED_ANEW))
        await eventually(lambda: is_in_force(database, 2))
        assert not publishing.done()
    await publishing
    await voter.close()

    assert await stages(database) == {
        ("arc", 1, subject, RETIRED),
        ("lens", 1, subject, WITHDRAWN),
        ("lens", 2, subject, OPEN),
    }
    assert await dealt_from(database) == {("lens", 2, subject)}


async def test_an_interrupted_publication_is_settled_later(
    services: Services, database: Connection, database_url: str
) -> None:
    (subject,) = await import_subjects(database, [{}])
    writer = await asyncpg.connect(database_url)

    async with writer.transaction():
        await writer.execute("INSERT INTO person DEFAULT VALUES")
        publishing = asyncio.create_task(services.publishing.publish(ARC_THEN_LENS))
        await eventually(lambda: is_in_force(database, 1))
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
    await writer.close()
    before = await stages(database)
    await services.publishing.settle_all()

    assert before == set()
    assert await stages(database) == {("arc", 1, subject, OPEN)}


async def is_in_force(database: Connection, version: int) -> bool:
    found = await database.fetchval(
        "SELECT v.number FROM project p JOIN cascade_version v ON v.id = p.version_id WHERE p.slug = 'lenses'"
    )
    return bool(found == version)


async def test_nobody_publishes_over_a_version_that_was_not_looked_at(services: Services) -> None:
    preview = await services.publishing.preview(LENS_ASKED_ANEW)
    await services.publishing.publish(ARC_THEN_LENS)

    with pytest.raises(PublicationOvertakenError):
        await services.publishing.publish(LENS_ASKED_ANEW, replacing=preview.version)
