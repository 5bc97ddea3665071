"""Pages of a project: what it is about, a tutorial, and a field guide."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Model, Whole
from mobile_schemas.subjects import LocationOut

PicturePlaced = Annotated[LocationOut | None, Field(description="The picture that belongs to it; it is not in `html`.")]
PictureAlt = Annotated[str | None, Field(description="What the picture shows, for those who cannot see it.")]
Html = Annotated[
    str,
    Field(
        description="Safe to put into a page as it is: elements of an allow-list, and no scripts.",
        examples=["<p>Look for a <strong>blue arc</strong>.</p>"],
    ),
]


class PagesQuery(Model):
    """How wide the screen is."""

    width: Annotated[
        int, Whole(1, 10_000), Field(description="Pixels of the screen: pictures come in the size that fits.")
    ] = 1080


class StepOut(Model):
    """One step of the tutorial."""

    title: Annotated[str, Field(examples=["What to look for"])]
    html: Html
    picture: PicturePlaced
    picture_alt: PictureAlt


class ExampleOut(Model):
    """The answer to the question of a workflow that an entry is an example of."""

    workflow: Annotated[str, Field(description="The workflow's name; it may not be published.", examples=["arc"])]
    answer: Literal["yes", "no"]


class EntryOut(Model):
    """One entry of the field guide."""

    id: Annotated[str, Field(description="Unique within the guide.", examples=["blue-arcs"])]
    title: Annotated[str, Field(examples=["Blue arcs"])]
    html: Html
    picture: PicturePlaced
    picture_alt: PictureAlt
    example: ExampleOut | None


class PagesOut(Model):
    """The pages of a project; null and empty lists for those that nobody has written."""

    about: Annotated[Html | None, Field(description="What the project is about.")]
    tutorial: list[StepOut]
    guide: list[EntryOut]
