"""The step to calibrations leaves what was published with the meaning that it had."""

import json

from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from api.declaration_file import load
from api.store.migrating import alembic_config
from api.store.sessions import sqlalchemy_url
from cascade.graph import ScorePrior

BEFORE, STEP = "0002", "0003"


def a_declaration(**workflow: object) -> str:
    return json.dumps({"project": "lenses", "workflows": [{"name": "arc", "question": "Is it?", **workflow}]})


def _migrate(connection: Connection, revision: str) -> None:
    command.upgrade(alembic_config(connection), revision)
    connection.commit()


async def test_a_score_that_was_published_as_it_is_stays_so(empty_database_url: str) -> None:
    published = [a_declaration(prior={"score": "cnn"}), a_declaration(prior=0.25, miss=0.02)]
    engine = create_async_engine(sqlalchemy_url(empty_database_url))
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, BEFORE)
        await connection.execute(text("INSERT INTO project (slug) VALUES ('lenses')"))
        for number, declaration in enumerate(published, 1):
            await connection.execute(
                text(
                    "INSERT INTO cascade_version (project_id, number, digest, declaration, workflow_ids)"
                    " VALUES (1, :number, '', :declaration, '{}')"
                ),
                {"number": number, "declaration": declaration},
            )
        await connection.commit()

        await connection.run_sync(_migrate, STEP)

        stored = (await connection.execute(text("SELECT declaration FROM cascade_version ORDER BY number"))).scalars()
        first, second = (load(declaration).workflows[0] for declaration in stored)
    await engine.dispose()
    assert first.prior == ScorePrior("cnn", calibrate=False, people=0)
    assert (second.prior, second.miss) == (0.25, 0.02)


async def test_stages_that_were_voted_on_are_marked_as_weighed_by_an_earlier_engine(empty_database_url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(empty_database_url))
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, BEFORE)
        await connection.execute(
            text(
                "INSERT INTO stage (workflow_id, subject_id, ordinal, draw, version_id)"
                " VALUES (1, 1, 0, 7, 1), (1, 2, 5, 7, 1)"
            )
        )
        await connection.commit()

        await connection.run_sync(_migrate, STEP)

        marked = (await connection.execute(text("SELECT earlier FROM stage ORDER BY subject_id"))).scalars().all()
    await engine.dispose()
    assert marked == [0, 5]
