"""From measured brightness to what a screen shows: black, white, and what lies between.

One band: the limits are ZScale's, wider than in ds9, as a volunteer cannot turn a knob; asinh shows faint and bright
side by side. Three bands: the
colour-preserving asinh of Lupton et al. 2004 (doi:10.1086/382245), its black point, its scale and the balance of the
bands taken from the data, so that nobody has to know in which units they are. Pixels without a value (NaN, infinity)
are black and say nothing about the limits.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from astropy.visualization import AsinhStretch, ZScaleInterval
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.floating]
Painted: TypeAlias = NDArray[np.uint8]

_SAMPLE: Final = 250_000
"""Pixels from which limits are taken, evenly spread."""

_CHUNK_PIXELS: Final = 1 << 20

_CONTRAST: Final = 0.05
_SOFTENING: Final = 0.2
"""Chosen by eye over nine frames and ZTF's stamps: with ds9's 0.25 and 0.1 the sky is grey and every star white."""

_DARKEST_SIGMAS: Final = 4.0
"""How far below the sky's level a single band may reach: one dead pixel must not make the rest grey."""

_Q: Final = 8.0
_SLOPE: Final = 0.1
_STRETCH_SIGMAS: Final = 15.0
_BLACK_SIGMAS: Final = 1.0
"""How far below the sky's level black lies: where some noise is seen, nothing looks cut off."""
_BALANCE: Final = 0.6
"""0 leaves the bands as measured, 1 makes the sources white on average; chosen by eye over DECaLS and SDSS."""
_SOURCE_SIGMAS: Final = 5.0
_FEW_PIXELS: Final = 10
_CLIPS: Final = 8
_CLIP_SIGMAS: Final = 3.0


def painted(planes: Sequence[Plane]) -> Painted:
    """Return one plane as grey, or red, green and blue ones as colour, a byte a sample; rows stay in their order."""
    return _grey(planes[0]) if len(planes) == 1 else _coloured(planes)


def has_values(planes: Sequence[Plane]) -> bool:
    """Return whether any pixel has a value."""
    return any(bool(np.isfinite(plane).any()) for plane in planes)


def is_flat(planes: Sequence[Plane]) -> bool:
    """Return whether all pixels that have a value have the same, in each plane."""
    each = (plane[np.isfinite(plane)] for plane in planes)
    return all(not values.size or float(np.ptp(values)) == 0 for values in each)


def _grey(plane: Plane) -> Painted:
    low, high = _limits(_sample(plane))
    stretch = AsinhStretch(_SOFTENING)
    shown = np.zeros(plane.shape, np.uint8)
    rows = max(1, _CHUNK_PIXELS // plane.shape[1])
    for start in range(0, plane.shape[0], rows):
        part = plane[start : start + rows].astype(np.float64)
        scaled = np.clip((np.where(np.isfinite(part), part, low) - low) / (high - low), 0, 1)
        shown[start : start + rows] = np.round(255 * stretch(scaled))
    return shown


def _sample(plane: Plane) -> NDArray[np.float64]:
    """Return the values of a plane, of an even choice of its pixels where it has many."""
    flat = plane.reshape(-1)
    chosen = flat[:: max(1, flat.size // _SAMPLE)]
    values = chosen[np.isfinite(chosen)]
    return (values if values.size else flat[np.isfinite(flat)][:_SAMPLE]).astype(np.float64)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return what is black and what is white; a frame of a single value is black."""
    low, high = map(float, ZScaleInterval(n_samples=10_000, contrast=_CONTRAST).get_limits(values))
    level, sigma = _sky_level(values)
    low = max(low, level - _DARKEST_SIGMAS * sigma)
    if not low < high:
        low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low, low + 1.0)


def _coloured(planes: Sequence[Plane]) -> Painted:
    skies = [_sky_level(_sample(plane)) for plane in planes]
    above = [_known(plane) - level for plane, (level, _) in zip(planes, skies, strict=True)]
    gains = _gains(above, [sigma for _, sigma in skies])
    above = [plane * np.float32(gain) for plane, gain in zip(above, gains, strict=True)]
    noise = float(np.mean([sigma * gain for (_, sigma), gain in zip(skies, gains, strict=True)])) or 1.0
    shown = np.zeros((*planes[0].shape, 3), np.uint8)
    rows = max(1, _CHUNK_PIXELS // planes[0].shape[1])
    for start in range(0, shown.shape[0], rows):
        part = slice(start, start + rows)
        there = np.any([np.isfinite(plane[part]) for plane in planes], axis=0)
        bands = np.stack([plane[part] for plane in above], axis=-1) + np.float32(_BLACK_SIGMAS * noise)
        shown[part] = np.where(there[..., None], _lupton(bands, _STRETCH_SIGMAS * noise), 0)
    return shown


def _lupton(bands: NDArray[np.float32], stretch: float) -> Painted:
    """Return bands (last axis) as bytes: asinh of their mean gives the brightness, their ratios the colour.

    A band that is brighter than white is white. astropy's `make_lupton_rgb` dims the other two instead, which keeps the
    colour and paints a ring around the core of every bright galaxy: nothing to show to people who look for rings.
    """
    mean = np.maximum(bands.mean(axis=-1, keepdims=True), np.float32(1e-30))
    brightness = np.arcsinh(_Q * mean / stretch) * _SLOPE / np.arcsinh(_SLOPE * _Q)
    return np.asarray(np.round(255 * np.clip(bands * (brightness / mean), 0, 1)), np.uint8)


def _known(plane: Plane) -> NDArray[np.float32]:
    """Return a plane with the sky's level where it has no value, so that its absence gives no colour."""
    values = _sample(plane)
    level = float(np.median(values)) if values.size else 0.0
    return np.nan_to_num(plane.astype(np.float32), nan=level, posinf=level, neginf=level)


def _sky_level(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return level and noise of the sky behind the sources: median and scatter, clipped until they settle."""
    level = sigma = 0.0
    for _ in range(_CLIPS if values.size else 0):
        level, sigma = float(np.median(values)), float(np.std(values))
        kept = values[np.abs(values - level) <= _CLIP_SIGMAS * sigma]
        if kept.size == values.size or not kept.size:
            break
        values = kept
    return level, sigma


def _gains(above: Sequence[NDArray[np.float32]], sigmas: Sequence[float]) -> list[float]:
    """Return what each band is multiplied with to balance its sources against those of the second."""
    step = max(1, int(np.sqrt(above[0].size / _SAMPLE)))
    chosen = [plane[::step, ::step] for plane in above]
    strength = np.mean([plane / (sigma or 1.0) for plane, sigma in zip(chosen, sigmas, strict=True)], axis=0)
    source = strength > _SOURCE_SIGMAS
    if np.count_nonzero(source) < _FEW_PIXELS:
        return [1.0 for _ in above]
    brightness = [float(np.mean(np.clip(plane[source], 0, np.percentile(plane[source], 99)))) for plane in chosen]
    if min(brightness) <= 0:
        return [1.0 for _ in above]
    return [(brightness[1] / each) ** _BALANCE for each in brightness]
