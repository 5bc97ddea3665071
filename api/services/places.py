"""Subjects for their researchers: by number, or by where they are in the sky.

Positions are not for volunteers: who knows where a subject is can look its answer up.
"""

import asyncio
from typing import Any, Final, NamedTuple

from api import sky
from api.caller import Caller
from api.errors import NotAllowedError, UnknownProjectError
from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.labels import LabelStore
from api.store.places import PlacedSubject, PlaceStore
from mobile_schemas.places import SubjectsQuery
from mobile_schemas.subjects import subject_id

_UNITS_PER_DEGREE: Final = {"deg": 1, "arcmin": 60, "arcsec": 3600}


class _Cone(NamedTuple):
    """A cone in degrees, with the ranges of cells that cover it."""

    centre: tuple[float, float]
    radius: float
    ranges: sky.Ranges


class Places:
    """Finds subjects."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def find(self, caller: Caller, slug: str, query: SubjectsQuery) -> dict[str, Any]:
        """Return subjects as the contract has them (`mobile_schemas.places.PlacedSubjectsOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is not one of its researchers'.
        """
        # The first cone of a process loads astropy, for 0.3 s in which nobody's swipe should have to wait.
        cone = None if query.near is None else await asyncio.to_thread(_cone, query.near, query.radius)
        async with self._pool.acquire() as connection:
            project_id = await LabelStore(connection).find_project(slug, caller.sight)
            if project_id is None:
                raise UnknownProjectError(slug)
            if not caller.researches(project_id):
                raise NotAllowedError(f"the subjects of {slug} with their positions are for its researchers")
            found = await _found(PlaceStore(connection), project_id, query, cone)
        subjects, complete = found[: query.limit], len(found) <= query.limit
        cursor = None if complete or query.near is not None else subjects[-1].id
        return {"subjects": [_view(each) for each in subjects], "complete": complete, "cursor": cursor}


async def _found(store: PlaceStore, project_id: int, query: SubjectsQuery, cone: _Cone | None) -> list[PlacedSubject]:
    """Return what is asked for, and one more if there is more."""
    if cone is None:
        return await store.list_subjects(project_id, query.after, query.limit + 1)
    return await store.cone(project_id, cone.ranges, cone.centre, cone.radius, query.limit + 1)


def _cone(near: str, radius: str) -> _Cone:
    ra, dec = map(float, near.split(","))
    return _Cone((ra, dec), degrees(radius), sky.cone(ra, dec, degrees(radius)))


def degrees(radius: str) -> float:
    """Return a radius in degrees: of a bare number, or of one with its unit."""
    unit = next((unit for unit in _UNITS_PER_DEGREE if radius.endswith(unit)), None)
    return float(radius) if unit is None else float(radius.removesuffix(unit)) / _UNITS_PER_DEGREE[unit]


def _view(subject: PlacedSubject) -> dict[str, Any]:
    apart = subject.separation
    return {
        "subject": subject_id(subject.id),
        "external_id": subject.external_id,
        "metadata": subject.metadata,
        "position": None if subject.ra is None else {"ra": subject.ra, "dec": subject.dec},
        "separation_arcsec": None if apart is None else apart * 3600,
    }
