"""The script of docs/, over a campaign in which votes were taken back, and subjects retired for every reason."""

import subprocess
import sys
from pathlib import Path

from pydantic_core import to_json

from api.exports.columns import Table
from api.services.exporting import Wish, exported
from api.services.retractions import Retractions
from api.store.engine import Connection, Pool
from cascade.vocabulary import Answer
from mobile_schemas.classifications import RetractionsIn
from tests.services.harvest import a_uuid7, a_volunteer, publish, revise, sow

EVERY_REASON = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: {count: 3}, audit: 0, flag: 2, then: {yes: lens, no: retire}}
  - {name: lens, question: "Is it a lens?", policy: {lead: 3}, votes: {max: 5}, blank: 2, audit: 0,
     then: {yes: by-hand}}
  - {name: by-hand, question: "Really?", policy: {count: 1}, level: expert, audit: 0}
"""


async def test_labels_are_recomputed_where_votes_were_taken_back_and_rules_have_changed(
    connection: Connection, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    harvest = await sow(connection, EVERY_REASON)
    retractions = Retractions(pool, harvest.published, harvest.dice)

    async def take_back(person: int, number: int) -> None:
        taken = RetractionsIn.model_validate({"retractions": [{"id": a_uuid7(number)}]})
        await retractions.retract(a_volunteer(person), taken)

    for subject in [await harvest.entered(f"galaxy {number}") for number in range(4)]:
        await harvest.vote(1, subject, "no", client_id=a_uuid7(10 * subject))
        await take_back(1, 10 * subject)
        for person in (2, 3, 4, 5):
            await harvest.vote(person, subject, "yes", client_id=a_uuid7(10 * subject + person))
        await take_back(2, 10 * subject + 2)
        for person in (6, 7, 8):
            await harvest.vote(person, subject, ("yes", "no")[subject % 2], "lens")
    await connection.execute("INSERT INTO level_grant VALUES (9, $1, 10)", harvest.project_id)
    await harvest.vote(9, subject, "yes", "by-hand")
    subject = await harvest.entered("flagged")
    for person in (1, 2):
        await harvest.vote(person, subject, "yes", flag=True)
    await publish(connection, harvest.project_id, EVERY_REASON.replace("count: 3", "count: 2"), harvest.workflows)
    subject = await harvest.entered("under new rules")
    await harvest.vote(1, subject, "unsure")
    await harvest.vote(2, subject, "no")
    await revise(harvest, subject, Answer.YES)

    for table, name in ((Table.VOTES, "votes.csv"), (Table.LABELS, "labels.csv")):
        with (tmp_path / name).open("wb") as file:
            wish = Wish(table, all_revisions=True)
            done = await exported(connection, database_url, harvest.slug, wish, file.write)
        (tmp_path / f"{name}.json").write_bytes(to_json(done.description))
    recomputed = recompute(tmp_path)
    reasons = await connection.fetch("SELECT DISTINCT reason FROM label WHERE author IS NULL ORDER BY reason")

    labels = await connection.fetchval("SELECT count(*) FROM label WHERE author IS NULL")
    assert recomputed.stdout == f"{labels} of {labels} labels recomputed, equal to the stored ones\n"
    assert recomputed.returncode == 0
    assert [row[0] for row in reasons] == [1, 2, 3, 4, 6]


def recompute(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parents[2] / "docs" / "recompute_labels.py"
    command = [sys.executable, "-I", str(script), str(folder / "votes.csv"), str(folder / "labels.csv")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
