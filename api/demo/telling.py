"""The pages of the demonstration: texts that lie beside this module, and pictures that are cut for them.

The pictures show subjects of the gold standard, as examples of what is known. They are framed wider than the subjects'
own, so no file of a page is the file of a card: the address of a picture gives no answer away.
"""

import csv
import re
from importlib import resources
from pathlib import Path
from typing import Final

from PIL import Image

from api.demo.cutouts import MANIFEST, framed
from api.demo.extra import hubble_deep_field
from api.demo.sources import View
from api.pages import PageName

WIDER: Final = 1.2

_NAMED: Final = re.compile(r"images/([\w-]+)\.png")


def write_pages(folder: Path, cutouts: Path) -> Path:
    """Write the pages and those of their pictures that are not there yet into a folder, and return it.

    `cutouts` is the folder of the subjects, in whose manifest it is written where each of them is.

    Raises
    ------
    DemoExtraMissingError
        scikit-image is not installed.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    named: set[str] = set()
    for name in PageName:
        text = resources.files("api.demo").joinpath("pages", name.file).read_text(encoding="utf-8")
        (folder / name.file).write_text(text, encoding="utf-8")
        named.update(_NAMED.findall(text))
    missing = sorted(each for each in named if not (folder / "images" / f"{each}.png").exists())
    if missing:
        _write_pictures(folder / "images", cutouts / MANIFEST, missing)
    return folder


def _write_pictures(folder: Path, manifest: Path, names: list[str]) -> None:
    picture = Image.fromarray(hubble_deep_field())
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = {row["external_id"]: row for row in csv.DictReader(file)}
    for name in names:
        unfinished = folder / f"{name}.part"
        framed(picture, _wider(rows[name], *picture.size)).save(unfinished, "PNG", compress_level=1)
        unfinished.rename(folder / f"{name}.png")


def _wider(row: dict[str, str], width: int, height: int) -> View:
    """Return a view around a subject that is wider than its own, as far as the picture goes."""
    x, y, radius = (float(row[f"metadata:{name}"]) for name in ("x_px", "y_px", "radius_px"))
    view = View(x, y, WIDER * radius)
    room = min(x, y, width - 1 - x, height - 1 - y)
    return view if view.inside(width, height) else View(x, y, room * view.radius_px / view.half_px)
