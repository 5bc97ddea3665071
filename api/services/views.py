"""What a phone is shown of a subject."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.media.video import SUFFIXES
from api.store.decks import Location

HIDDEN = ("#", "//", "!")
"""Metadata keys that begin so are for researchers only."""


def card_view(metadata: Mapping[str, str], locations: Sequence[Location], width: int) -> dict[str, Any]:
    """Return the metadata that a volunteer may see, and each picture in the size that fits the screen's width."""
    return {
        "metadata": {key: value for key, value in metadata.items() if not key.startswith(HIDDEN)},
        "locations": [location_view(location, width) for location in locations],
    }


def location_view(location: Location, width: int) -> dict[str, Any]:
    """Return a picture in the size that fits a width, as the contract has it (`LocationOut`)."""
    fitting = next((variant for variant in location.variants if variant[0] >= width), location.variants[-1])
    return {
        "url": f"/media/{location.digest}/{fitting[0]}",
        "mime": "image/webp",
        "width": fitting[0],
        "height": fitting[1],
        "bytes": fitting[2],
        "blurhash": location.blurhash,
        "video": None if location.video is None else _video_view(location.digest, location.video),
    }


def _video_view(digest: str, video: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": f"/media/{digest}/video.{SUFFIXES[video['mime']]}", **video}
