"""Real galaxies, cut out of the Hubble eXtreme Deep Field.

The picture (NASA, public domain, 1000 x 872 pixels) comes inside the scikit-image wheel, so nothing is downloaded.
Nothing is random either: the same picture gives the same cutouts.
"""

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from api.demo.by_eye import QUESTIONS, gold_standard
from api.demo.extra import hubble_deep_field
from api.demo.sources import View, views

SUBJECTS = 300
SIDE_PX = 512
MANIFEST = "MANIFEST.csv"


def cut(folder: Path, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Path:
    """Write 300 cutouts as PNG and their manifest into a folder, and return the manifest's path.

    ``progress`` is told how many of how many are written. The manifest has the columns of a subject import, with the
    developers' gold standard in it; it is written last, so where it is, the cutouts are.

    Raises
    ------
    DemoExtraMissingError
        scikit-image or sep is not installed.
    """
    picture = hubble_deep_field()
    shown = views(picture, SUBJECTS)
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        written = pool.map(partial(_write_cutout, folder, Image.fromarray(picture)), shown)
        for done, _ in enumerate(written, start=1):
            progress(done, len(shown))
    return _write_manifest(folder, shown)


def external_id(view: View) -> str:
    """Return the subject's name, which is the position of its middle."""
    return f"HDF-{round(view.x_px):04d}-{round(view.y_px):04d}"


def framed(picture: Image.Image, view: View) -> Image.Image:
    """Return a view of the picture in the size of a subject."""
    # A whole number is the middle of a pixel for sep and its corner for Pillow. Lanczos reads beyond the box, so the
    # edges of the cutout are as true as its middle.
    left, top = view.x_px + 0.5 - view.half_px, view.y_px + 0.5 - view.half_px
    box = (left, top, left + 2 * view.half_px, top + 2 * view.half_px)
    return picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS, box=box)


def _write_cutout(folder: Path, picture: Image.Image, view: View) -> None:
    framed(picture, view).save(folder / f"{external_id(view)}.png", compress_level=1)


def _write_manifest(folder: Path, shown: list[View]) -> Path:
    manifest = folder / MANIFEST
    with manifest.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, _columns(), lineterminator="\n")
        rows.writeheader()
        rows.writerows(_rows(shown))
    return manifest


def _columns() -> list[str]:
    metadata = ["metadata:x_px", "metadata:y_px", "metadata:radius_px"]
    gold = [f"{kind}:{question}" for question in QUESTIONS for kind in ("gold", "explanation")]
    return ["external_id", "location:1", *metadata, *gold]


def _rows(shown: list[View]) -> Iterator[dict[str, str]]:
    gold = gold_standard()
    for view in shown:
        name = external_id(view)
        row = {"external_id": name, "location:1": f"{name}.png"}
        row |= {"metadata:x_px": f"{view.x_px:.0f}", "metadata:y_px": f"{view.y_px:.0f}"}
        row["metadata:radius_px"] = f"{view.radius_px:.1f}"
        if name in gold:
            labelled = gold[name]
            row[f"gold:{labelled.question}"] = labelled.answer.name.lower()
            row[f"explanation:{labelled.question}"] = labelled.explanation
        yield row
