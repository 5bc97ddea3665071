"""Subjects: what volunteers look at."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Count, Model, Slug, SubjectId, Text, Whole


def subject_id(number: int) -> str:
    """Return the public id of a subject's number: 12 is S12."""
    return f"S{number}"


def subject_number(subject: str) -> int:
    """Return the number in a public id: S12 is 12."""
    return int(subject[1:])


class VideoOut(Model):
    """A video without sound, of which a location's picture is a still.

    It is served whole and in parts (Range), and plays before it has come whole.
    """

    url: Annotated[
        str,
        Field(
            description="Where it lies, relative to the service.", pattern=r"^/media/[0-9a-f]{64}/video\.(mp4|webm)$"
        ),
    ]
    mime: Literal["video/mp4", "video/webm"]
    width: Annotated[int, Field(ge=1, description="Pixels, as it is shown.")]
    height: Annotated[int, Field(ge=1, description="Pixels, as it is shown.")]
    bytes: Annotated[Count, Field(description="Its size, for a phone that counts its data.")]
    seconds: Annotated[float, Field(ge=0, description="How long it lasts.", examples=[12.4])]


class LocationOut(Model):
    """One picture of a subject, in the size that was asked for."""

    url: Annotated[str, Field(description="Where it lies, relative to the service.", pattern="^/media/")]
    mime: Annotated[
        str,
        Field(description="Its media type; a client that accepts image/avif may get that.", examples=["image/webp"]),
    ]
    width: Annotated[int, Field(ge=1, description="Pixels.")]
    height: Annotated[int, Field(ge=1, description="Pixels.")]
    bytes: Annotated[Count, Field(description="Its size as WebP, for a phone that counts its data; AVIF is smaller.")]
    blurhash: Annotated[str, Field(description="What to show while the picture loads (blurha.sh).")]
    video: Annotated[VideoOut | None, Field(description="What plays, where the picture is a still.")] = None


Metadata = Annotated[
    dict[str, Text],
    Field(
        description="What is known of the subject. Keys that begin with #, // or ! are hidden from volunteers.",
        examples=[{"survey": "HDF", "x": "1204.5"}],
    ),
]


class SubjectOut(Model):
    """A subject as anyone may see it."""

    subject: SubjectId
    project: Slug
    metadata: Metadata
    locations: list[LocationOut]


class SubjectPath(Model):
    """The subject in a path."""

    subject: SubjectId


Digest = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the picture or video as it was imported, in lower-case hexadecimal.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]


class VideoPath(Model):
    """A video."""

    digest: Digest


class MediaPath(Model):
    """One size of one picture."""

    digest: Digest
    width: Annotated[
        int, Whole(1, 10_000), Field(description="Pixels: one of the widths that the locations name.", examples=[640])
    ]
