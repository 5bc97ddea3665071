"""The libraries of the ``demo`` extra, which only the cutting of the demonstration's subjects needs."""

from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from api.errors import CommandError


class DemoExtraMissingError(CommandError):
    """A library of the demo extra is not installed."""

    def __init__(self, library: str) -> None:
        super().__init__(
            f"the demonstration cuts its galaxies with {library}, which is not installed: "
            "install the extra with pip install '.[demo]'"
        )
        self.library = library


def sep() -> ModuleType:
    """Return sep, which is SExtractor as a library, or raise `DemoExtraMissingError`."""
    return _library("sep", "sep")


def hubble_deep_field() -> NDArray[np.uint8]:
    """Return the picture that scikit-image carries, shape (872, 1000, 3), or raise `DemoExtraMissingError`."""
    return np.asarray(_library("skimage.data", "scikit-image").hubble_deep_field(), dtype=np.uint8)


def _library(module: str, name: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise DemoExtraMissingError(name) from error
