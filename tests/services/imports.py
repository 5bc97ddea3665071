"""Manifests with small pictures, rows without any, and what the database makes of them: for the tests of imports."""

import csv
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from api.manifest import ManifestRow
from api.services.published import PublishedCascades
from api.services.publishing import Publishing
from api.store.engine import Connection, Pool

ARC_THEN_LENS = """
project: lenses
workflows:
  - {name: arc, question: 'Is there an arc?', policy: {lead: 2}, then: {yes: lens, no: retire}}
  - {name: lens, question: 'Is it a lens?', policy: {lead: 2}, then: {yes: retire, no: retire}}
"""


def a_picture(folder: Path, name: str, shade: int = 0) -> str:
    """Make a PNG that no other shade equals, and return its name."""
    Image.new("RGB", (16, 12), (shade % 256, shade // 256 % 256, 99)).save(folder / name)
    return name


def a_manifest(folder: Path, rows: Sequence[Mapping[str, object]], name: str = "manifest.csv") -> Path:
    """Write a manifest with the columns that any of its rows has."""
    path = folder / name
    columns = dict.fromkeys(column for row in rows for column in row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def many_rows(folder: Path, count: int) -> list[dict[str, object]]:
    """Return rows with a picture each, every tenth of them gold."""
    return [
        {
            "external_id": f"galaxy {number}",
            "location:1": a_picture(folder, f"{number}.png", number),
            "metadata:number": number,
            "gold:arc": ("yes", "no")[number // 10 % 2] if number % 10 == 0 else "",
        }
        for number in range(count)
    ]


def a_row(external_id: str = "one", line: int = 2, **values: Any) -> ManifestRow:
    given: dict[str, Any] = {"locations": (), "metadata": {}, "gold": {}, "explanations": {}, "scores": {}}
    return ManifestRow(line, external_id, **(given | values))


async def publish(pool: Pool, declaration: str) -> None:
    await Publishing(pool, PublishedCascades(), random.Random()).publish(declaration)


async def stages(database: Connection) -> dict[str, tuple[str, int, bool]]:
    """Return workflow, state and whether it is dealt, of the stage of each subject that has one."""
    rows = await database.fetch(
        "SELECT s.external_id, w.name, t.state, d.subject_id IS NOT NULL FROM stage t"
        " JOIN subject s ON s.id = t.subject_id JOIN workflow w ON w.id = t.workflow_id"
        " LEFT JOIN dealable d ON d.workflow_id = t.workflow_id AND d.subject_id = t.subject_id"
    )
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def everything(database: Connection) -> dict[str, Any]:
    """Return all that a subject is, by external id, but for numbers and moments that differ between imports."""
    rows = await database.fetch(
        """
        SELECT s.external_id, s.metadata::text,
               (SELECT jsonb_agg(to_jsonb(l) - 'subject_id' ORDER BY l.ordinal) FROM location l
                WHERE l.subject_id = s.id)::text,
               (SELECT jsonb_agg(to_jsonb(c) - 'subject_id' - 'set_at' ORDER BY c.name) FROM score c
                WHERE c.subject_id = s.id)::text,
               (SELECT jsonb_agg(to_jsonb(g) - 'subject_id' - 'set_at' - 'draw' ORDER BY g.workflow, g.revision)
                FROM gold_standard g WHERE g.subject_id = s.id)::text
        FROM subject s
        """
    )
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: [json.loads(text or "null") for text in row[1:]] for row in rows}
