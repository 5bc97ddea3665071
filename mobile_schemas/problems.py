"""Problems: the one form in which anything that goes wrong is told (RFC 9457)."""

from typing import Annotated

from pydantic import Field

from mobile_schemas.fields import Model

PROBLEM_MEDIA_TYPE = "application/problem+json"


class ProblemPath(Model):
    """A type of problem in a path."""

    name: Annotated[
        str,
        Field(
            pattern="^[a-z0-9]+(-[a-z0-9]+)*$",
            max_length=64,
            description="The last part of a problem's `type`.",
            examples=["invalid-input"],
        ),
    ]


class FieldProblemOut(Model):
    """One thing wrong with what was sent."""

    pointer: Annotated[
        str | None,
        Field(description="JSON pointer (RFC 6901) into the body.", examples=["/classifications/3/answer"]),
    ] = None
    parameter: Annotated[
        str | None, Field(description="The parameter of the path or the query.", examples=["limit"])
    ] = None
    problem: Annotated[str, Field(description="What is wrong.", examples=['"maybe" is none of the values allowed'])]
    remedy: Annotated[str, Field(description="What would be right.", examples=["one of yes, no, unsure"])]


class ProblemOut(Model):
    """What went wrong, where, and what would be right."""

    type: Annotated[str, Field(description="Names the kind of problem.", examples=["/problems/invalid-input"])]
    title: Annotated[str, Field(description="The kind of problem in words; always the same for one type.")]
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status.")]
    detail: Annotated[str, Field(description="What happened this time.")]
    instance: Annotated[
        str, Field(description="The path asked for; for an error of ours `urn:uuid:` and the id under which we log it.")
    ]
    errors: Annotated[
        list[FieldProblemOut], Field(default_factory=list, description="Everything wrong with the input.")
    ]
