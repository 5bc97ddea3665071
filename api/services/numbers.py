"""Which subject is which: from the researcher's own ids, which volunteers never see, to the public ones."""

from collections.abc import Sequence
from typing import Final

from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.numbers import read_numbers
from mobile_schemas.subjects import subject_id

PAGE: Final = 10_000


@reachable
async def subject_ids(pool: Pool, slug: str, external_ids: Sequence[str]) -> dict[str, str]:
    """Return the public ids of those subjects of a project that exist, by external id."""
    found: dict[str, str] = {}
    for start in range(0, len(external_ids), PAGE):
        numbers = await read_numbers(pool, slug, external_ids[start : start + PAGE])
        found |= {external_id: subject_id(number) for external_id, number in numbers.items()}
    return found
