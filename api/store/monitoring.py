"""Reads the numbers that the database knows about itself and about the work that waits in it."""

from api.store.engine import Pool
from api.store.statements import statements

_SQL = statements("monitoring")


async def read_numbers(pool: Pool, *, private: bool) -> list[tuple[str, tuple[str, ...], float]]:
    """Return the metric, its label values and the number of everything that is asked for, in one statement.

    Those of private projects are among it where `private`.
    """
    return [(row[0], tuple(row[1]), row[2]) for row in await pool.fetch(_SQL["read"], private)]


def connections(pool: Pool) -> tuple[int, int]:
    """Return how many connections a pool has open, and how many of them are idle."""
    return pool.get_size(), pool.get_idle_size()
