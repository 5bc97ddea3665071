"""Exports over HTTP: a table of a project in pages, for researchers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mobile_schemas.fields import Model, Moment, Slug, Whole

Format = Annotated[
    Literal["csv", "ndjson", "parquet", "votable", "fits"], Field(description="How the page is written.")
]
Limit = Annotated[int, Whole(1, 100_000), Field(description="At most so many rows.")]
TableName = Annotated[
    Literal["labels", "classifications", "subjects"], Field(description="What is exported.", examples=["labels"])
]
NumberCursor = Annotated[
    str,
    Field(
        pattern="^[0-9]{1,18}$",
        description="Where to read on: give back what `Chaffinch-Cursor` said. A page whose cursor is this one is the"
        " last for now.",
        examples=["0"],
    ),
]
VoteCursor = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,16}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9]{1,9}\.[01]\.[0-9a-f]{32}$",
        description="Where to read on: give back what `Chaffinch-Cursor` said. A page whose cursor is this one is the"
        " last for now.",
        examples=["0.0.0.0.0.00000000000000000000000000000000"],
    ),
]


class ExportQuery(Model):
    """A page of labels or subjects."""

    format: Format = "csv"
    after: NumberCursor = "0"
    limit: Limit = 10_000


class VotesExportQuery(Model):
    """A page of the vote log."""

    format: Format = "csv"
    after: VoteCursor = "0.0.0.0.0.00000000000000000000000000000000"
    limit: Limit = 10_000


class ExportPath(Model):
    """The project and the table in a path."""

    slug: Slug
    table: TableName


class ColumnOut(Model):
    """A column of an export."""

    name: str
    type: Annotated[str, Field(description="Its Arrow type.", examples=["int32"])]
    unit: Annotated[str | None, Field(description="Its unit (VOUnit), if it has one.")]
    ucd: Annotated[str, Field(description="What it is, in the words of the IVOA (UCD1+).")]
    description: str


class CascadeVersionOut(Model):
    """A published version of the cascade: what decided the labels that name it."""

    version: Annotated[int, Field(ge=1)]
    digest: str
    published_at: Moment
    workflows: Annotated[
        dict[str, dict[str, Any]],
        Field(description="What each workflow, by its number, was declared to be, with every default written out."),
    ]
    rules: Annotated[
        dict[str, dict[str, int]],
        Field(description="The engine's numbers for each workflow before its first refit: micro-nats and millionths."),
    ]


class DictionaryOut(Model):
    """What there is to know of a table before it is exported: its columns, and the rules behind its labels."""

    project: Slug
    title: str | None
    table: TableName
    columns: list[ColumnOut]
    cascade: list[CascadeVersionOut]
