"""A campaign out in the shape of Panoptes and in again; and exports of the Zooniverse itself."""

import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.caller import Caller, Scope
from api.factory import open_services
from api.manifest import BadRow, ManifestRow
from api.media.storage import open_storage
from api.panoptes.errors import UnmatchedError
from api.panoptes.matching import Hints
from api.replay.vote_logs import read
from api.services.archiving import Archive, archived_batches
from api.services.ballot import Swipe
from api.services.house import Services
from api.services.importing import import_rows
from api.services.panoptes_export import Kind, export_like_panoptes
from api.services.panoptes_import import ImportRunningError, Tally, Wish, import_classifications
from api.services.pseudonyms import Pseudonyms
from api.services.published import PublishedCascades
from api.services.verifying import verify
from api.settings import Settings
from api.store.engine import Connection, Pool, connect, open_pool
from mobile_schemas.classifications import ClassificationIn, RetractionIn, RetractionsIn
from mobile_schemas.decks import DealIn
from mobile_schemas.subjects import subject_id
from tests.panoptes.exports import a_classification, a_subject, a_workflow, write_csv
from tests.services.campaigns import new_id

VOTE_LOGS = Path(__file__).parents[3] / "shared" / "data" / "votes"
ITEMS, WORKERS, COUNT = 40, 12, 7
CASCADE = f"""
project: golden
workflows:
  - name: class
    question: "Is the named thing in the photo, as far as you can tell?"
    guide: Look twice.
    policy: {{count: {COUNT}}}
    audit: 0
"""
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class House:
    """The services over one database, with a pool, and connections to look behind them."""

    def __init__(self, url: str, services: Services, pool: Pool, database: Connection) -> None:
        self.url = url
        self.services = services
        self.pool = pool
        self.database = database

    async def import_(self, wish: Wish, refused: list[BadRow] | None = None) -> Tally:
        bad: list[BadRow] = [] if refused is None else refused
        async with connect(self.url, "panoptes") as connection:
            return await import_classifications(
                connection, self.pool, self.services, wish, bad.append, lambda _done, _of: None
            )

    async def export(self, slug: str, folder: Path) -> dict[Kind, Path]:
        files = {}
        for kind in Kind:
            files[kind] = folder / f"{slug}-{kind}.csv"
            with files[kind].open("wb") as file:
                await export_like_panoptes(self.database, self.url, slug, kind, file.write)
        return files

    async def discrepancies(self, slug: str) -> Sequence[str]:
        return (await verify(self.database, PublishedCascades(), slug)).discrepancies

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.database.fetch(query, *arguments)]


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        services = await open_services(Settings(data_dir=folder), url)
        stack.push_async_callback(services.close)
        pool = await open_pool(url, 1)
        stack.push_async_callback(pool.close)
        database = await asyncpg.connect(url)
        stack.push_async_callback(database.close)
        yield House(url, services, pool, database)


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database_url, tmp_path) as found:
        yield found


@pytest.fixture
async def empty_house(empty_database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(empty_database_url, tmp_path) as found:
        yield found


async def play(house: House) -> None:
    """Play a part of a real log, with unsure answers, training subjects, late votes, and one that is taken back."""
    path = VOTE_LOGS / "real_golden_a.csv.gz"
    if not path.is_file():
        pytest.skip("the real vote logs (../shared/data/votes) are not here")
    log = read(path)
    votes = [vote for vote in log.votes if vote.item < ITEMS and vote.worker < WORKERS]
    rows = [
        ManifestRow(
            0,
            f"photo {item}",
            (),
            {"site": "A", "#hidden": str(item)},
            {"class": log.gold[0]} if item == 0 else {},
            {},
            {},
        )
        for item in range(ITEMS)
    ]
    await import_rows(house.pool, "golden", rows)
    await house.services.publishing.publish(CASCADE)
    workflow = await house.database.fetchval("SELECT id FROM workflow")
    project = await house.database.fetchval("SELECT id FROM project")
    numbers = dict(await house.rows("SELECT external_id, id FROM subject"))
    callers = []
    for _ in range(WORKERS):
        person = await house.database.fetchval("INSERT INTO person DEFAULT VALUES RETURNING id")
        volunteer = await house.database.fetchval("INSERT INTO volunteer (person_id) VALUES ($1) RETURNING id", person)
        callers.append(Caller(volunteer, person, None, Scope.IMPORT, project, "phone"))
    for caller in callers:
        deal = DealIn(key=new_id(), subjects=[subject_id(number) for number in numbers.values()])
        await house.services.decks.deal_named(caller, workflow, deal)
    swipes = []
    for place, vote in enumerate(votes):
        number = numbers[f"photo {vote.item}"]
        item = ClassificationIn(
            id=new_id(),
            workflow=workflow,
            subject=subject_id(number),
            answer=vote.answer.word,  # type: ignore[arg-type]  # the words of Answer are those of the contract
            answered_at=START + timedelta(seconds=place, microseconds=place),
            dwell_ms=place * 7,
            session=f"s{place % 3}" if place % 5 else None,
            utc_offset_minutes=(-300, 60, 345, None)[place % 4],
            language=("en", "de-CH", None)[place % 3],
            flag=place % 11 == 0,
        )
        swipes.append(Swipe(callers[vote.worker], item, number))
    for start in range(0, len(swipes), 50):
        await house.services.classifications.count(swipes[start : start + 50])
    taken_back = next(swipe for swipe in swipes if swipe.subject_id != numbers["photo 0"])
    gone = RetractionsIn(retractions=[RetractionIn(id=taken_back.item.id)])
    await house.services.retractions.retract(taken_back.caller, gone)


STANDING = """
SELECT c.client_id, {who}, s.external_id, w.name, c.answer, c.answered_at, c.dwell_ms, c.session, c.language,
       c.utc_offset_minutes, c.flag
FROM classification c JOIN workflow w ON w.id = c.workflow_id JOIN project p ON p.id = w.project_id
JOIN subject s ON s.id = c.subject_id
LEFT JOIN imported_volunteer i ON i.volunteer_id = c.volunteer_id
WHERE p.slug = $1 AND c.kind = 0
  AND NOT EXISTS (SELECT 1 FROM swipe_key k WHERE k.person_id = c.person_id AND k.client_id = c.client_id
                  AND k.retracted_at IS NOT NULL)
ORDER BY c.client_id
"""
LABELS = """
SELECT s.external_id, w.name, l.answer FROM label l JOIN workflow w ON w.id = l.workflow_id
JOIN project p ON p.id = w.project_id JOIN subject s ON s.id = l.subject_id
WHERE p.slug = $1 ORDER BY 1, 2
"""
SUBJECTS = """
SELECT s.external_id, s.metadata FROM subject s JOIN project p ON p.id = s.project_id WHERE p.slug = $1 ORDER BY 1
"""


async def original_votes(house: House) -> list[tuple[Any, ...]]:
    pseudonyms = Pseudonyms(await house.database.fetchval("SELECT pseudonym_key FROM project WHERE slug = 'golden'"))
    rows = await house.rows(STANDING.format(who="c.volunteer_id"), "golden")
    return [(row[0], pseudonyms.of(row[1]), *row[2:]) for row in rows]


async def test_what_goes_out_and_in_again_is_the_same(house: House, empty_house: House, tmp_path: Path) -> None:
    await play(house)
    files = await house.export("golden", tmp_path)
    wish = Wish(files[Kind.CLASSIFICATIONS], "golden", subjects=files[Kind.SUBJECTS], definitions=files[Kind.WORKFLOWS])

    kept = await empty_house.import_(wish)
    counted = await empty_house.import_(replace(wish, slug="counted", count=True))

    votes = await original_votes(house)
    assert {row[4] for row in votes} == {0, 1, 2}
    assert len(votes) == kept.kept == counted.counted > 400
    assert await empty_house.rows(STANDING.format(who="i.name"), "golden") == votes
    assert await empty_house.rows(STANDING.format(who="i.name"), "counted") == votes
    for slug in ("golden", "counted"):
        assert await empty_house.rows(SUBJECTS, slug) == await house.rows(SUBJECTS, "golden")
        assert await empty_house.discrepancies(slug) == []
    labels = await house.rows(LABELS, "golden")
    again = await empty_house.rows(LABELS, "counted")
    assert len(labels) > 30
    assert [row for row in again if row[0] != "photo 0"] == labels
    assert await empty_house.rows(LABELS, "golden") == []
    assert await empty_house.rows("SELECT DISTINCT source FROM classification") == [("panoptes",)]


async def test_an_independent_reading_of_the_export_gives_the_same_labels(house: House, tmp_path: Path) -> None:
    await play(house)

    file = (await house.export("golden", tmp_path))[Kind.CLASSIFICATIONS]

    votes: dict[str, Counter[str]] = {}
    retired = {}
    for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")):
        [subject] = json.loads(row["subject_data"]).values()
        [said] = json.loads(row["annotations"])
        if json.loads(row["metadata"])["chaffinch"]["counted"]:
            votes.setdefault(subject["#external_id"], Counter())[said["value"]] += 1
        retired[subject["#external_id"]] = subject["retired"]
    answers = {"Yes": 1, "No": 0}
    labels = [(name, answer) for name, _, answer in await house.rows(LABELS, "golden") if answer >= 0]
    for name, answer in labels:
        told = votes[name]
        del told["Not sure"]
        assert answers[max(told, key=lambda word: told[word])] == answer
        assert retired[name]["retirement_reason"] == "classification_count"
    assert len(labels) > 25


async def test_months_that_have_left_the_database_are_exported_too(house: House, tmp_path: Path) -> None:
    rows = [a_classification(n, f"user{n}", "Yes", subject=n % 2) for n in range(5)]
    await house.import_(Wish(write_csv(tmp_path / "c.csv", rows), "lenses"))
    before = (await house.export("lenses", tmp_path))[Kind.CLASSIFICATIONS].read_bytes()
    storage = open_storage(Settings(data_dir=tmp_path))

    month = datetime.now(UTC).date().replace(day=1)
    archived = await Archive(house.database, house.url, storage, tmp_path / "scratch").archive(month)
    written = io.BytesIO()
    count = await export_like_panoptes(
        house.database,
        house.url,
        "lenses",
        Kind.CLASSIFICATIONS,
        written.write,
        read_month=partial(archived_batches, storage),
    )

    assert archived is not None
    assert await house.rows("SELECT count(*) FROM classification") == [(0,)]
    assert (count, written.getvalue()) == (5, before)


async def test_the_same_import_again_changes_nothing_and_a_kept_vote_stays_kept(house: House, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "c.csv", [a_classification(n, f"user{n % 3}", "Yes", subject=n % 4) for n in range(24)])
    wish = Wish(file, "lenses")

    first = await house.import_(wish)
    again = await house.import_(wish)
    counted = await house.import_(replace(wish, count=True))

    assert (first.kept, first.known, first.published) == (24, 0, 1)
    assert (again.kept, again.known, again.published) == (0, 24, None)
    assert (counted.counted, counted.known, counted.kept_before) == (0, 0, 24)
    assert await house.rows("SELECT count(*), count(DISTINCT person_id) FROM classification") == [(24, 3)]
    assert await house.rows("SELECT DISTINCT bucket, exclusion, ordinal, if_yes, if_no FROM classification") == [
        (0, 9, 0, 0, 0)
    ]
    assert await house.rows("SELECT (SELECT count(*) FROM card), (SELECT count(*) FROM skill)") == [(0, 0)]
    assert await house.rows("SELECT DISTINCT state, ordinal, excluded FROM stage") == [(0, 0, 0)]
    assert await house.discrepancies("lenses") == []


async def test_counted_votes_retire_subjects_once_however_often_they_are_imported(house: House, tmp_path: Path) -> None:
    rows = [a_classification(n, f"user{n}", "Yes" if n % 3 else "No", subject=1) for n in range(6)]
    rows.append(a_classification(6, "user0", "Yes", subject=1))
    definition = write_json(tmp_path / "w.json", a_workflow(count=4))
    wish = Wish(write_csv(tmp_path / "c.csv", rows), "lenses", definitions=definition, count=True)

    first = await house.import_(wish)
    again = await house.import_(wish)

    assert (first.counted, first.uncounted, first.rejected["already_answered"]) == (6, {"late": 2}, 1)
    assert (again.counted, again.known, again.rejected["already_answered"]) == (0, 6, 1)
    assert await house.rows(LABELS, "lenses") == [("1", "lens-or-not", -1)]
    assert await house.discrepancies("lenses") == []


async def test_a_branching_workflow_is_counted_along_its_cascade(house: House, tmp_path: Path) -> None:
    definition = a_workflow(count=2)
    definition["tasks"]["T0"]["answers"][0]["next"] = "T1"
    definition["tasks"]["T1"] = {
        "type": "single",
        "question": "A ring?",
        "answers": [{"label": "Yes"}, {"label": "No"}],
    }
    rows = [
        a_classification(1, "a", "Yes", subject=1, more=[("T1", "No")]),
        a_classification(2, "b", "Yes", subject=1, more=[("T1", "No")]),
        a_classification(3, "a", "No", subject=2),
        a_classification(4, "b", "No", subject=2),
        a_classification(5, "c", "Yes", subject=2, more=[("T1", "Yes")]),
    ]
    wish = Wish(
        write_csv(tmp_path / "c.csv", rows),
        "lenses",
        definitions=write_json(tmp_path / "w.json", definition),
        count=True,
    )

    tally = await house.import_(wish)

    assert (tally.counted, tally.uncounted, tally.rejected["not_in_workflow"]) == (7, {"late": 1}, 1)
    assert await house.rows(LABELS, "lenses") == [
        ("1", "lens-or-not-t0", 1),
        ("1", "lens-or-not-t1", 0),
        ("2", "lens-or-not-t0", 0),
    ]
    assert await house.discrepancies("lenses") == []


async def test_subjects_go_by_the_researchers_own_ids_where_these_are_named(house: House, tmp_path: Path) -> None:
    subjects = write_csv(
        tmp_path / "s.csv", [a_subject(n, {"#name": f"ASW{n}", "mag": 19.5, "note": None}) for n in (1, 2, 2)]
    )
    votes = write_csv(
        tmp_path / "c.csv", [a_classification(9, "a", "Yes", subject=2, metadata={"#name": "ASW2", "mag": 19.5})]
    )

    tally = await house.import_(Wish(votes, "lenses", subjects=subjects, id_from="#name"))

    assert (tally.kept, tally.subjects.imported, tally.subjects.unchanged) == (1, 2, 0)
    assert [(name, json.loads(metadata)) for name, metadata in await house.rows(SUBJECTS, "lenses")] == [
        ("ASW1", {"#name": "ASW1", "mag": "19.5", "#panoptes_id": "1"}),
        ("ASW2", {"#name": "ASW2", "mag": "19.5", "#panoptes_id": "2"}),
    ]


async def test_bad_rows_are_told_with_their_lines_and_the_rest_is_imported(house: House, tmp_path: Path) -> None:
    good = a_classification(1, "a", "Yes", subject=1)
    rows = [
        good,
        good | {"classification_id": "2", "created_at": "yesterday", "metadata": "{}"},
        good | {"classification_id": "3", "annotations": "[{"},
        good | {"classification_id": "4", "subject_ids": "1;2"},
        good | {"classification_id": "5", "annotations": '[{"task":"T0","task_label":"?","value":"Perchance"}]'},
        good | {"classification_id": "6", "annotations": '[{"task":"T0","task_label":"?","value":null}]'},
        a_classification(7, "b", "No", subject=1),
    ]
    refused: list[BadRow] = []
    await house.services.publishing.publish(CASCADE.replace("golden", "lenses"))

    wish = Wish(write_csv(tmp_path / "c.csv", rows), "lenses", hints=Hints(yes="Yes", tasks={"T0": "class"}))
    with pytest.raises(UnmatchedError, match="3 answers"):
        await house.import_(wish)
    wish = replace(wish, definitions=write_json(tmp_path / "w.json", a_workflow()))
    tally = await house.import_(wish, refused)

    assert (tally.kept, tally.seen.bad, tally.seen.unanswered) == (2, 4, 1)
    assert [(bad.line, bad.column) for bad in refused] == [
        (3, "created_at"),
        (4, "annotations"),
        (5, "subject_ids"),
        (6, "annotations"),
    ]
    assert "says 'Perchance' in T0" in refused[3].problem


async def test_two_imports_into_one_project_do_not_run_at_once(house: House, tmp_path: Path) -> None:
    wish = Wish(write_csv(tmp_path / "c.csv", [a_classification(1, "a", "Yes")]), "lenses")
    await house.import_(wish)
    project = await house.database.fetchval("SELECT id FROM project")
    await house.database.fetchval("SELECT pg_advisory_lock(7231, $1)", project)

    with pytest.raises(ImportRunningError):
        await house.import_(wish)


def write_json(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
