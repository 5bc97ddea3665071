"""Subjects as their researchers see them: with all metadata, and with where they are in the sky."""

from typing import Annotated, Final

from pydantic import Field

from mobile_schemas.fields import BIGINT_MAX, Model, SubjectId, Whole
from mobile_schemas.subjects import Metadata

_FRACTION: Final = r"(?:\.[0-9]{1,15})?"
_RA: Final = rf"(?:3[0-5][0-9]|[0-2]?[0-9]{{1,2}}){_FRACTION}"
_DEC: Final = rf"[+\- ]?(?:90(?:\.0{{1,15}})?|[0-8]?[0-9]{_FRACTION})"
_WHOLE_LIMITS: Final = r"(?:5(?:\.0{1,15})?(?:deg)?|300(?:\.0{1,15})?arcmin|18000(?:\.0{1,15})?arcsec)"
_WITHIN: Final = "|".join(
    (
        rf"[0-4]{_FRACTION}(?:deg)?",
        rf"[12]?[0-9]{{1,2}}{_FRACTION}arcmin",
        rf"(?:1[0-7][0-9]{{3}}|[0-9]{{1,4}}){_FRACTION}arcsec",
    )
)

Near = Annotated[
    str,
    Field(
        pattern=f"^{_RA},{_DEC}$",
        max_length=60,
        description="Right ascension (0 to 360) and declination (-90 to 90) of a cone's centre: ICRS, decimal degrees.",
        examples=["150.11917,2.20583"],
    ),
]
Radius = Annotated[
    str,
    Field(
        pattern=f"^(?:{_WHOLE_LIMITS}|{_WITHIN})$",
        max_length=40,
        description="Radius of the cone around `near`: degrees, or a number with deg, arcmin or arcsec; at most 5 deg."
        " Without `near` it says nothing.",
        examples=["30arcsec"],
    ),
]


class SubjectsQuery(Model):
    """Which subjects: those in a cone, the nearest first, or all of them by number."""

    near: Near | None = None
    radius: Radius = "1arcmin"
    after: Annotated[
        int,
        Whole(0, BIGINT_MAX),
        Field(description="Read on behind this number: give back `cursor`. With `near` it says nothing."),
    ] = 0
    limit: Annotated[int, Whole(1, 1000), Field(description="At most so many subjects.")] = 100


class PositionOut(Model):
    """A place in the sky: ICRS."""

    ra: Annotated[float, Field(ge=0, lt=360, description="Right ascension in degrees.")]
    dec: Annotated[float, Field(ge=-90, le=90, description="Declination in degrees.")]


class PlacedSubjectOut(Model):
    """A subject with what volunteers are not shown: its position, and its hidden metadata."""

    subject: SubjectId
    external_id: Annotated[str, Field(description="The researcher's own id of the subject.")]
    metadata: Metadata
    position: PositionOut | None
    separation_arcsec: Annotated[float | None, Field(ge=0, description="From `near`; null where that is not given.")]


class PlacedSubjectsOut(Model):
    """Some subjects of a project."""

    subjects: list[PlacedSubjectOut]
    complete: Annotated[bool, Field(description="Whether these are all: of the cone, or of those behind `after`.")]
    cursor: Annotated[
        int | None,
        Field(description="Give it as `after` to read on; null where there is nothing to read on, and with `near`."),
    ]
