"""Where subjects are: what an import makes of it, and which of them lie in a cone."""

import random
from collections.abc import AsyncIterator
from typing import Any

import astropy_healpix
import asyncpg
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from api import sky
from api.caller import Caller, Scope
from api.errors import NotAllowedError, UnknownProjectError
from api.services.admitting import Admission, Incoming, Report, Said
from api.services.places import Places, degrees
from api.store.engine import Connection, Pool, open_pool
from mobile_schemas.places import PlacedSubjectsOut, SubjectsQuery
from tests.services.imports import a_row

SLUG = "lenses"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, 4)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def admit(pool: Pool, *batch: Incoming, said: Said | None = None) -> Report:
    admission = Admission(pool, SLUG, said or Said(), random.Random(1))
    await admission.begin(None)
    return await admission.admit(batch)


def a_picture(number: int = 1, at: tuple[float, float] | None = None, source: str = "a.fits") -> list[Any]:
    """Return what is stored of a picture that points somewhere, or not."""
    points = None if at is None else {"ra": at[0], "dec": at[1], "scale_arcsec": 0.262}
    return [f"{number:064x}", "image/fits", 80, 60, "LEHV6nWB2y", [[80, 60, 900]], source, points, None]


async def position(database: Connection, external_id: str = "one") -> tuple[Any, ...]:
    row = await database.fetchrow("SELECT ra, dec, healpix FROM subject WHERE external_id = $1", external_id)
    assert row is not None
    return tuple(row)


# Imports


async def test_a_subject_is_where_its_row_says_with_its_healpix_cell(pool: Pool, database: Connection) -> None:
    await admit(pool, Incoming(a_row(position=(150.11917, 2.20583)), [a_picture(at=(150.2, 2.3))]))

    cell = int(astropy_healpix.HEALPix(2**29, order="nested").lonlat_to_healpix(150.11917 * u.deg, 2.20583 * u.deg))
    assert await position(database) == (150.11917, 2.20583, cell)


async def test_a_subject_without_a_said_position_is_where_its_first_frame_points(
    pool: Pool, database: Connection
) -> None:
    pictures = [a_picture(1), a_picture(2, (10.5, -20.25), "b.fits"), a_picture(3, (11.0, -21.0), "c.fits")]

    await admit(pool, Incoming(a_row(), pictures))

    assert await position(database) == (10.5, -20.25, sky.cell(10.5, -20.25))
    rows = await database.fetch("SELECT source, sky->>'scale_arcsec' AS scale FROM location ORDER BY ordinal")
    assert [tuple(row) for row in rows] == [("a.fits", None), ("b.fits", "0.262"), ("c.fits", "0.262")]


async def test_a_subject_without_any_position_has_none(pool: Pool, database: Connection) -> None:
    await admit(pool, Incoming(a_row(), [a_picture()]))

    assert await position(database) == (None, None, None)


async def test_the_same_again_changes_nothing(pool: Pool) -> None:
    rows = [
        Incoming(a_row("said", position=(150.11917, 2.20583)), [a_picture(1)]),
        Incoming(a_row("seen"), [a_picture(2, (10.123456789012345, -20.2))]),
        Incoming(a_row("neither"), [a_picture(3)]),
    ]

    assert await admit(pool, *rows) == Report(imported=3)
    assert await admit(pool, *rows) == Report(unchanged=3)


async def test_a_new_position_moves_a_subject_and_an_emptied_cell_does_not(pool: Pool, database: Connection) -> None:
    frame = [a_picture(at=(10.0, 20.0))]
    await admit(pool, Incoming(a_row(position=(1.0, 2.0)), frame))

    emptied = await admit(pool, Incoming(a_row(), frame))
    kept = await position(database)
    moved = await admit(pool, Incoming(a_row(position=(3.0, 4.0)), frame))

    assert (emptied, kept[:2]) == (Report(unchanged=1), (1.0, 2.0))
    assert (moved, await position(database)) == (Report(updated=1), (3.0, 4.0, sky.cell(3.0, 4.0)))


async def test_new_frames_move_a_subject_that_nobody_placed_otherwise(pool: Pool, database: Connection) -> None:
    await admit(pool, Incoming(a_row(), [a_picture(1, (10.0, 20.0))]))

    report = await admit(pool, Incoming(a_row(), [a_picture(2, (30.0, 40.0))]))

    assert (report, (await position(database))[:2]) == (Report(updated=1), (30.0, 40.0))


async def test_rows_without_pictures_leave_positions_alone(pool: Pool, database: Connection) -> None:
    await admit(pool, Incoming(a_row(position=(1.0, 2.0)), [a_picture()]))

    await admit(pool, Incoming(a_row(metadata={"mag": "20"})))

    assert (await position(database))[:2] == (1.0, 2.0)


# Cones


def scattered(count: int, dice: np.random.Generator) -> list[tuple[float, float]]:
    """Return positions all over the sky, many of them near the poles, around RA 0, and close together."""
    anywhere = zip(dice.uniform(0, 360, count), np.degrees(np.arcsin(dice.uniform(-1, 1, count))), strict=True)
    polar = zip(dice.uniform(0, 360, count), 90 - dice.exponential(0.5, count) % 90, strict=True)
    wrapped = zip(dice.normal(0, 1, count) % 360, dice.normal(0, 1, count), strict=True)
    crowded = zip(150 + dice.normal(0, 0.002, count), -2 + dice.normal(0, 0.002, count), strict=True)
    return [(float(ra), float(dec)) for group in (anywhere, polar, wrapped, crowded) for ra, dec in group]


async def researcher(database: Connection) -> Caller:
    number = await database.fetchval("SELECT id FROM project WHERE slug = $1", SLUG)
    return a_caller(number)


def a_caller(project_id: int | None, scope: Scope = Scope.RESEARCHER) -> Caller:
    return Caller(1, 1, None, scope, project_id, "test")


async def test_a_cone_finds_what_astropy_finds_at_poles_and_across_zero_too(pool: Pool, database: Connection) -> None:
    dice = np.random.default_rng(3)
    positions = scattered(500, dice)
    rows = [Incoming(a_row(f"s{n}", n + 2, position=place)) for n, place in enumerate(positions)]
    await admit(pool, *rows, Incoming(a_row("nowhere", 1)))
    everything = SkyCoord(positions, unit="deg")
    caller, places = await researcher(database), Places(pool)
    centres = [positions[n] for n in dice.integers(0, len(positions), 60)]
    centres += [(0.0, 90.0), (123.0, -90.0), (0.0, 0.0), (359.99999, 0.0), (150.0, -2.0)]

    for ra, dec in centres:
        radius = float(10 ** dice.uniform(-4, np.log10(5)))
        near, wide = f"{ra:.10f},{dec:.10f}", f"{radius:.10f}"
        apart = SkyCoord(round(ra, 10), round(dec, 10), unit="deg").separation(everything).deg
        inside = {f"s{n}": apart[n] * 3600 for n in np.flatnonzero(apart <= float(wide))}

        answer = await places.find(caller, SLUG, SubjectsQuery(near=near, radius=wide, limit=1000))

        found = {each["external_id"]: each["separation_arcsec"] for each in answer["subjects"]}
        if answer["complete"]:
            assert found.keys() == inside.keys()
        assert list(found.values()) == sorted(found.values())
        assert all(abs(found[name] - inside[name]) < 1e-6 for name in found)
        PlacedSubjectsOut.model_validate(answer)


async def test_a_cone_with_more_than_asked_for_says_so(pool: Pool, database: Connection) -> None:
    await admit(pool, *(Incoming(a_row(f"s{n}", position=(10.0, 20.0 + n / 3600))) for n in range(5)))
    places, caller = Places(pool), await researcher(database)

    some = await places.find(caller, SLUG, SubjectsQuery(near="10,20", radius="10arcsec", limit=3))
    all_five = await places.find(caller, SLUG, SubjectsQuery(near="10,20", radius="10arcsec", limit=5))

    assert [each["external_id"] for each in some["subjects"]] == ["s0", "s1", "s2"]
    assert (some["complete"], some["cursor"], all_five["complete"]) == (False, None, True)
    assert [round(each["separation_arcsec"], 6) for each in all_five["subjects"]] == [0, 1, 2, 3, 4]


async def test_without_a_cone_all_subjects_come_by_number_in_pages(pool: Pool, database: Connection) -> None:
    hidden = {"#truth": "lens", "mag": "20"}
    await admit(pool, *(Incoming(a_row(f"s{n}", metadata=hidden)) for n in range(5)))
    places, caller = Places(pool), await researcher(database)

    first = await places.find(caller, SLUG, SubjectsQuery(limit=3))
    second = await places.find(caller, SLUG, SubjectsQuery(limit=3, after=first["cursor"]))

    assert [each["external_id"] for each in first["subjects"] + second["subjects"]] == [f"s{n}" for n in range(5)]
    assert (first["complete"], second["complete"], second["cursor"]) == (False, True, None)
    assert first["subjects"][0] | {"subject": "S"} == {
        "subject": "S",
        "external_id": "s0",
        "metadata": hidden,
        "position": None,
        "separation_arcsec": None,
    }


async def test_positions_are_for_the_projects_own_researchers(pool: Pool, database: Connection) -> None:
    await admit(pool, Incoming(a_row()))
    own = await researcher(database)
    assert own.project_id is not None

    for stranger in (a_caller(own.project_id, Scope.IMPORT), a_caller(own.project_id + 1)):
        with pytest.raises(NotAllowedError):
            await Places(pool).find(stranger, SLUG, SubjectsQuery())
    with pytest.raises(UnknownProjectError):
        await Places(pool).find(own, "another", SubjectsQuery())


@pytest.mark.parametrize(
    ("radius", "value"), [("0.5", 0.5), ("5deg", 5.0), ("30arcmin", 0.5), ("1.8arcsec", 0.0005), ("18000arcsec", 5.0)]
)
def test_a_radius_may_have_a_unit(radius: str, value: float) -> None:
    assert degrees(SubjectsQuery(near="1,2", radius=radius).radius) == pytest.approx(value)


@pytest.mark.parametrize(
    ("near", "radius"),
    [
        ("360,0", "1"),
        ("1,90.1", "1"),
        ("-1,0", "1"),
        ("1", "1"),
        ("10:00:00,2", "1"),
        ("1,2", "5.1"),
        ("1,2", "301arcmin"),
        ("1,2", "18001arcsec"),
        ("1,2", "-1"),
        ("1,2", "1 deg"),
        ("1,nan", "1"),
    ],
)
def test_what_is_no_cone_is_refused(near: str, radius: str) -> None:
    with pytest.raises(ValueError, match="string_pattern_mismatch"):
        SubjectsQuery(near=near, radius=radius)
