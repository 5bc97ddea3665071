"""Machine scores from a file, and what follows from them."""

from pathlib import Path

import pytest

from api.errors import UnknownProjectError
from api.manifest import BadHeaderError, BadRow
from api.services.admitting import Report
from api.services.importing import Progress, import_rows
from api.services.scores import import_scores, model_hash
from api.store.engine import Connection, Pool
from tests.services.imports import a_row, publish, stages

OLD, NEW = "a" * 64, "b" * 64
GATED = """
project: lenses
workflows:
  - {name: arc, question: 'Is there an arc?', policy: {lead: 2}, when: {score: cnn, at_least: 0.5}, else: retire,
     then: {yes: retire, no: retire}}
"""


def a_file(folder: Path, *rows: str, header: str = "external_id,score") -> Path:
    path = folder / "scores.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


async def scores(database: Connection) -> list[tuple[object, ...]]:
    rows = await database.fetch(
        "SELECT s.external_id, c.name, c.value, c.model, c.revision FROM score c JOIN subject s ON s.id = c.subject_id"
        " ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


async def test_a_score_is_a_new_revision_only_where_value_or_model_differ(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    await import_rows(pool, "lenses", [a_row("a", scores={"cnn": 0.25}), a_row("b"), a_row("c")])
    reports = [
        await import_scores(pool, a_file(tmp_path, *rows), "lenses", "cnn", model)
        for rows, model in (
            (["a,0.25", "b,0.5", "c,1"], OLD),
            (["a,0.25", "b,0.75", "c,1"], OLD),
            (["a,0.25"], NEW),
            (["a,0.25", "c,1.0"], NEW),
        )
    ]

    assert reports == [
        Report(imported=2, updated=1),
        Report(updated=1, unchanged=2),
        Report(updated=1),
        Report(updated=1, unchanged=1),
    ]
    assert await scores(database) == [
        ("a", "cnn", 0.25, NEW, 3),
        ("b", "cnn", 0.75, OLD, 2),
        ("c", "cnn", 1.0, NEW, 2),
    ]


async def test_bad_rows_and_unknown_subjects_are_reported_with_their_lines(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    await import_rows(pool, "lenses", [a_row("a"), a_row("b")])
    await import_rows(pool, "others", [a_row("z")])
    bad: list[BadRow] = []
    seen: list[Progress] = []

    rows = ["a,0.5", "z,0.5", "b,1.5", "a,0.25", "b,0,5", "b"]
    report = await import_scores(
        pool, a_file(tmp_path, *rows), "lenses", "cnn", OLD, refuse=bad.append, follow=seen.append
    )

    assert report == Report(imported=1, bad=5)
    assert [(each.line, each.column) for each in bad] == [
        (3, "external_id"),
        (4, "score"),
        (5, "external_id"),
        (6, None),
        (7, None),
    ]
    assert bad[0].problem == "is 'z', no subject of lenses"
    assert [(now.line, now.lines) for now in seen] == [(7, 7)]
    assert await scores(database) == [("a", "cnn", 0.5, OLD, 1)]


async def test_subjects_may_be_named_by_their_public_ids(pool: Pool, database: Connection, tmp_path: Path) -> None:
    await import_rows(pool, "lenses", [a_row("a")])
    number = await database.fetchval("SELECT id FROM subject")
    bad: list[BadRow] = []

    file = a_file(tmp_path, f"0.5;S{number};x", "0.5;S999;x", "0.5;12;x", header="score;subject;other")
    report = await import_scores(pool, file, "lenses", "cnn", OLD, refuse=bad.append)

    assert report == Report(imported=1, bad=2)
    assert [(each.line, each.problem) for each in bad] == [(3, "is 'S999', no subject of lenses"), (4, "is '12'")]


async def test_a_subject_that_was_not_let_in_enters_by_its_score(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    await publish(pool, GATED)
    await import_rows(pool, "lenses", [a_row("low"), a_row("high"), a_row("in", scores={"cnn": 0.9})])

    report = await import_scores(pool, a_file(tmp_path, "low,0.2", "high,0.8", "in,0.1"), "lenses", "cnn", OLD)

    assert report == Report(imported=2, updated=1, entered=1)
    assert set(await stages(database)) == {"high", "in"}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("name,score", "has 0 columns that name the subject"),
        ("external_id,subject,score", "has 2 columns that name the subject"),
        ("external_id,value", "has 0 columns score"),
    ],
)
async def test_a_header_that_will_not_do_is_refused(pool: Pool, tmp_path: Path, header: str, says: str) -> None:
    with pytest.raises(BadHeaderError, match=says):
        await import_scores(pool, a_file(tmp_path, "a,0.5", header=header), "lenses", "cnn", OLD)


async def test_scores_of_an_unknown_project_are_refused(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(UnknownProjectError):
        await import_scores(pool, a_file(tmp_path, "a,0.5"), "nowhere", "cnn", OLD)


def test_a_model_is_named_by_the_hash_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"abc")

    assert model_hash(tmp_path / "model.onnx").startswith("ba7816bf")
