"""What shines in the picture, and where nothing does.

The numbers here were chosen by looking at the cutouts that they give of this one picture.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from api.demo.extra import sep

REACH = 3.0  # half the side of a view, in radii
LEAST_RADIUS_PX = 4.5  # smaller sources get a wider view: 27 pixels across are the fewest that look well on a phone
TWIN = 2 / 3  # closer than this share of half a side, two views look like one place shown twice

Pixels = NDArray[np.uint8]
Light = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """A square of the picture: its middle and a third of half its side, in pixels of the picture."""

    x_px: float
    y_px: float
    radius_px: float

    @property
    def half_px(self) -> float:
        """Return half the side."""
        return REACH * self.radius_px

    def inside(self, width: int, height: int) -> bool:
        """Tell whether all of it lies in a picture of this size."""
        return self.half_px <= min(self.x_px, width - 1 - self.x_px, self.y_px, height - 1 - self.y_px)

    def twin_of(self, other: "View") -> bool:
        """Tell whether one shows the middle of the other, unless at its very edge."""
        apart = max(abs(self.x_px - other.x_px), abs(self.y_px - other.y_px))
        return apart < TWIN * max(self.half_px, other.half_px)


def views(picture: Pixels, number: int) -> list[View]:
    """Return so many views of the picture, in an order that says nothing about what they show.

    Small red points come first (what the faint, cool stars of our own galaxy look like), then what shines in green
    without blue (traces of single exposures, not objects of the sky), then the emptiest places; the brightest of
    everything else fills up the number. Each takes only places that those before it left free, so of two views of one
    place the brighter remains.
    """
    light, noise = _light(picture)
    sources = _sources(light, noise)
    colours = _colours(picture, sources)
    shown: list[View] = []
    for few in (_around(sources[_red_points(sources, colours)]), _around(sources[_green(colours)]), _emptiest(light)):
        _add(shown, picture, few, number)
    _add(shown, picture, _around(sources), number)
    return sorted(shown, key=lambda view: (view.x_px, view.y_px))


def _add(shown: list[View], picture: Pixels, more: Iterable[View], number: int) -> None:
    """Append the views that lie inside the picture and are no twins of those shown, up to a number of all."""
    height, width, _ = picture.shape
    for view in more:
        if len(shown) < number and view.inside(width, height) and not any(map(view.twin_of, shown)):
            shown.append(view)


def _light(picture: Pixels) -> tuple[Light, float]:
    """Return the light above the background, and the background's noise."""
    grey = np.ascontiguousarray(picture.mean(axis=2, dtype=np.float32))
    background = sep().Background(grey, bw=64, bh=64, fw=3, fh=3)
    return grey - background.back(), float(background.globalrms)


def _sources(light: Light, noise: float) -> NDArray[Any]:
    """Return SExtractor's catalogue, brightest first: 3 sigma over at least 9 pixels, blended neighbours parted."""
    found = sep().extract(light, 3.0, err=noise, minarea=9, deblend_nthresh=32, deblend_cont=0.02)
    catalogue: NDArray[Any] = found[np.argsort(-found["flux"], kind="stable")]
    return catalogue


def _colours(picture: Pixels, sources: NDArray[Any]) -> NDArray[np.float64]:
    """Return the shares of red, green and blue in the light of each source, shape (sources, 3)."""
    layers = np.ascontiguousarray(np.moveaxis(picture, 2, 0), dtype=np.float32)
    layers -= np.median(layers, axis=(1, 2), keepdims=True)
    light = np.stack([sep().sum_circle(layer, sources["x"], sources["y"], 3.0)[0] for layer in layers], axis=1)
    return np.asarray(light / light.sum(axis=1, keepdims=True))


def _red_points(sources: NDArray[Any], colours: NDArray[np.float64]) -> NDArray[np.bool_]:
    small = (sources["npix"] <= 35) & (sources["a"] < 1.2 * sources["b"])
    bright: NDArray[np.bool_] = sources["peak"] > 200
    return small & bright & (colours[:, 0] > 0.4)


def _green(colours: NDArray[np.float64]) -> NDArray[np.bool_]:
    _, green, blue = colours.T
    return np.asarray((green > 0.395) & (green > blue + 0.09))


def _around(sources: NDArray[Any]) -> Iterator[View]:
    for source in sources:
        yield View(float(source["x"]), float(source["y"]), max(float(source["a"]), LEAST_RADIUS_PX))


def _emptiest(light: Light) -> Iterator[View]:
    """Yield the view with the least light in its middle from each sixteenth of the picture."""
    half = round(REACH * LEAST_RADIUS_PX)
    brightest = ndimage.maximum_filter(ndimage.gaussian_filter(light, 1.0), size=half)
    height, width = (side // 4 for side in light.shape)
    for top, left in product(range(0, 4 * height, height), range(0, 4 * width, width)):
        inner = brightest[top + half : top + height - half, left + half : left + width - half]
        row, column = np.unravel_index(inner.argmin(), inner.shape)
        yield View(float(left + half + column), float(top + half + row), LEAST_RADIUS_PX)
