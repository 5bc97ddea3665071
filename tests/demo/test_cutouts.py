import csv
import hashlib
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.demo.cutouts import SIDE_PX, SUBJECTS, cut, external_id
from api.demo.extra import DemoExtraMissingError, hubble_deep_field
from api.demo.sources import View, views

pytest.importorskip("skimage", reason="the demo extra is not installed")
pytest.importorskip("sep", reason="the demo extra is not installed")


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]]) -> Path:
    return cut(tmp_path_factory.mktemp("hubble"), lambda done, of: told.append((done, of))).parent


@pytest.fixture(scope="module")
def shown() -> list[View]:
    return views(hubble_deep_field(), SUBJECTS)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_there_are_300_cutouts_and_each_has_its_row(folder: Path) -> None:
    manifest = rows(folder)

    assert len({row["external_id"] for row in manifest}) == SUBJECTS
    assert {row["location:1"] for row in manifest} | {"MANIFEST.csv"} == set(digests(folder))


def test_the_manifest_has_the_columns_of_a_subject_import(folder: Path) -> None:
    assert list(rows(folder)[0]) == [
        *("external_id", "location:1", "metadata:x_px", "metadata:y_px", "metadata:radius_px"),
        *("gold:galaxy", "explanation:galaxy", "gold:features", "explanation:features"),
        *("gold:merging", "explanation:merging"),
    ]


def test_a_subject_is_named_after_its_position(folder: Path) -> None:
    spiral = next(row for row in rows(folder) if row["external_id"] == "HDF-0123-0401")

    assert (spiral["metadata:x_px"], spiral["metadata:y_px"]) == ("123", "401")


def test_the_same_picture_gives_the_same_cutouts(folder: Path, tmp_path: Path) -> None:
    again = cut(tmp_path / "again").parent

    assert digests(again) == digests(folder)


@pytest.mark.usefixtures("folder")
def test_progress_counts_to_the_end(told: list[tuple[int, int]]) -> None:
    assert told == [(done, SUBJECTS) for done in range(1, SUBJECTS + 1)]


def test_every_cutout_is_a_colour_square_for_a_phone(folder: Path) -> None:
    for path in folder.glob("*.png"):
        with Image.open(path) as cutout:
            assert (cutout.mode, cutout.size) == ("RGB", (SIDE_PX, SIDE_PX))


def test_a_cutout_keeps_the_colours_of_the_picture(folder: Path, shown: list[View]) -> None:
    view = next(view for view in shown if external_id(view) == "HDF-0123-0401")
    top, left, half = (round(value) for value in (view.y_px, view.x_px, view.half_px))

    with Image.open(folder / "HDF-0123-0401.png") as cutout:
        colour = np.asarray(cutout).mean(axis=(0, 1))

    inside = hubble_deep_field()[top - half : top + half + 1, left - half : left + half + 1]
    np.testing.assert_allclose(colour, inside.mean(axis=(0, 1)), rtol=0.05)


def test_no_cutout_crosses_the_border_of_the_picture(shown: list[View]) -> None:
    height, width, _ = hubble_deep_field().shape

    for view in shown:
        assert view.half_px <= min(view.x_px, width - 1 - view.x_px)
        assert view.half_px <= min(view.y_px, height - 1 - view.y_px)


def test_no_two_cutouts_are_twins(shown: list[View]) -> None:
    for one, other in combinations(shown, 2):
        apart = max(abs(one.x_px - other.x_px), abs(one.y_px - other.y_px))

        assert apart >= 2 / 3 * max(one.half_px, other.half_px)


def test_of_two_sources_that_would_be_twins_the_brighter_is_shown() -> None:
    rows, columns = np.mgrid[:200, :200]
    noise = np.random.default_rng(7).normal(20, 2, (200, 200))
    stars = [(200, 100, 100), (120, 108, 100), (90, 60, 40)]
    light = noise + sum(peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8) for peak, x, y in stars)
    picture = np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)

    bright = [view for view in views(picture, 300) if light[round(view.y_px), round(view.x_px)] > 80]

    assert [(round(view.x_px), round(view.y_px)) for view in bright] == [(60, 40), (100, 100)]


def test_a_small_source_gets_a_wider_view(shown: list[View]) -> None:
    assert min(view.radius_px for view in shown) == 4.5
    assert View(50, 50, 4.5).half_px == 13.5


@pytest.mark.parametrize(("module", "library"), [("skimage.data", "scikit-image"), ("sep", "sep")])
def test_without_the_extra_a_message_says_what_to_install(
    module: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(DemoExtraMissingError, match=rf"{library}.*pip install '\.\[demo\]'") as caught:
        cut(tmp_path)

    assert caught.value.library == library
