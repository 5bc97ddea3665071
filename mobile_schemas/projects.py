"""Projects: campaigns, and the questions that they ask."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Level, Model, Slug, WorkflowId
from mobile_schemas.subjects import LocationOut

Summary = Annotated[
    str | None,
    Field(max_length=280, description="The first paragraph of the project's about page, as plain text."),
]
Picture = Annotated[
    LocationOut | None,
    Field(description="The first picture of its about page, else one of its subjects; null where it has neither."),
]


class WorkflowOut(Model):
    """One question of a project."""

    id: WorkflowId
    name: Annotated[str, Field(examples=["arc"])]
    question: Annotated[str, Field(examples=["Is there an arc or a ring around the central galaxy?"])]
    guide: Annotated[str | None, Field(description="A short help text.")] = None
    level: Level
    state: Annotated[
        Literal["active", "retired"],
        Field(description="A retired workflow takes no answers: its question was changed or left out."),
    ]


class ProjectSummaryOut(Model):
    """A project in a list."""

    slug: Slug
    title: str
    summary: Summary
    picture: Picture


class ProjectsOut(Model):
    """All projects."""

    projects: list[ProjectSummaryOut]


class LevelNameOut(Model):
    """A level that the project declares, and what it is called."""

    level: Level
    name: Annotated[str | None, Field(description="For volunteers to see; null where it has none.")]


class ProjectOut(Model):
    """A project with its workflows in the order of the cascade."""

    slug: Slug
    title: str
    summary: Summary
    picture: Picture
    version: Annotated[int | None, Field(ge=1, description="The cascade's version; null before one is published.")]
    workflows: list[WorkflowOut]
    levels: Annotated[list[LevelNameOut], Field(description="Levels that volunteers can reach, the lowest first.")]


class ProjectPath(Model):
    """The project in a path."""

    slug: Slug
