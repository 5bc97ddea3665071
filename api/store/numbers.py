"""Finds the numbers of subjects by the researcher's own ids."""

from collections.abc import Sequence

from api.store.engine import Pool

_READ_NUMBERS = """
SELECT s.external_id, s.id
FROM project p JOIN subject s ON s.project_id = p.id AND s.external_id = ANY($2::text[])
WHERE p.slug = $1
"""


async def read_numbers(pool: Pool, slug: str, external_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of those subjects of a project that exist, by external id."""
    rows = await pool.fetch(_READ_NUMBERS, slug, list(external_ids))
    return {row[0]: row[1] for row in rows}
