import asyncio
import hashlib
import json

import pytest

from api.caller import Scope
from api.errors import NotAllowedError, OverloadedError, UnknownProjectError
from api.exports.columns import Table
from api.exports.forms import Form
from api.services.cursors import START
from api.services.export_pages import MOST_WAITING, Exports
from api.services.exporting import Wish
from api.services.house import Services
from api.store.engine import Pool
from mobile_schemas.exports import DictionaryOut
from tests.services.harvest import Harvest, a_researcher


async def test_a_reader_who_follows_the_pages_gets_every_row_once(services: Services, harvest: Harvest) -> None:
    for number in range(3):
        await harvest.retired(f"galaxy {number}")
    await asyncio.sleep(0.2)  # what arrived in the last tenth of a second waits for the next page
    researcher = a_researcher(harvest.project_id)

    told: dict[Table, list[str]] = {}
    for table, name in ((Table.LABELS, "subject"), (Table.VOTES, "id"), (Table.SUBJECTS, "subject")):
        cursor, rows = START[table], []
        while True:
            content, page = await services.exports.page(
                researcher, "lenses", Wish(table, Form.NDJSON, cursor, 2, all_revisions=True)
            )
            rows += [json.loads(line)[name] for line in content.splitlines()]
            assert hashlib.sha256(content).digest() == page.sha256
            if page.cursor == cursor:
                break
            cursor = page.cursor
        told[table] = rows

    assert {table: (len(rows), len(set(rows))) for table, rows in told.items()} == {
        Table.LABELS: (3, 3),
        Table.VOTES: (6, 6),
        Table.SUBJECTS: (3, 3),
    }


async def test_exports_are_for_the_projects_researchers(services: Services, harvest: Harvest) -> None:
    await harvest.retired()

    for caller in (a_researcher(None), a_researcher(harvest.project_id, Scope.VOLUNTEER)):
        with pytest.raises(NotAllowedError):
            await services.exports.page(caller, "lenses", Wish(Table.LABELS))
        with pytest.raises(NotAllowedError):
            await services.exports.dictionary(caller, "lenses", Table.LABELS)
    with pytest.raises(UnknownProjectError):
        await services.exports.page(a_researcher(harvest.project_id), "nebulae", Wish(Table.LABELS))


async def test_the_dictionary_says_what_decided_the_labels(services: Services, harvest: Harvest) -> None:
    found = await services.exports.dictionary(a_researcher(harvest.project_id), "lenses", Table.LABELS)

    told = DictionaryOut.model_validate(found)
    assert {column.name: column.unit for column in told.columns}["ra"] == "deg"
    assert told.cascade[0].workflows[str(harvest.workflows["arc"])]["policy"] == {"count": 2}


async def test_more_exports_than_can_be_made_soon_are_put_off(harvest: Harvest, pool: Pool, database_url: str) -> None:
    exports = Exports(pool, database_url, lambda _month, _workflows: iter(()))
    wish = Wish(Table.SUBJECTS)

    asked = [exports.page(a_researcher(harvest.project_id), "lenses", wish) for _ in range(MOST_WAITING + 3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(each) for each in refused] == [OverloadedError] * 3
    assert len(answers) - len(refused) == MOST_WAITING
