"""Uploads and imports: how a researcher brings subjects and scores in over HTTP."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mobile_schemas.fields import INT32_MAX, NO_NUL, Count, Model, Moment, Whole

UPLOAD_MOST_BYTES: Final = 10**12
"""What no setting of a service goes beyond for one file."""

UploadId = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        description="An upload's id.",
        examples=["01932c07-2f5a-7c3e-8d51-3f6f0c4b579a"],
    ),
]
ImportId = Annotated[int, Whole(1, INT32_MAX), Field(description="An import's number.", examples=[7])]
Sha256 = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 in lower-case hexadecimal.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]
ScoreName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="The name of a machine score.", examples=["lens-cnn"])
]


class UploadIn(Model):
    """A file that is about to be sent."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9 _.()+-]{0,199}$",
            description="What the file is called: letters, digits, and few signs; by its end nothing is decided.",
            examples=["subjects.zip"],
        ),
    ]
    bytes: Annotated[int, Whole(1, UPLOAD_MOST_BYTES), Field(description="The size of the file.")]
    sha256: Sha256


class UploadOut(Model):
    """A file on its way. The next chunk begins at `received`."""

    upload: UploadId
    name: str
    bytes: Count
    sha256: Sha256
    received: Annotated[Count, Field(description="Bytes that are here: where the next chunk begins.")]
    complete: Annotated[bool, Field(description="Whether all bytes are here, so that an import may begin.")]
    chunk_bytes: Annotated[Count, Field(description="The largest chunk that is taken.")]


class UploadPath(Model):
    """The upload in a path."""

    upload: UploadId


class ChunkPath(Model):
    """A part of an upload, by the byte at which it begins."""

    upload: UploadId
    offset: Annotated[int, Whole(0, UPLOAD_MOST_BYTES), Field(description="The byte at which the chunk begins.")]


class FromUploadIn(Model):
    """The file is one that was uploaded."""

    upload: UploadId


class FromAddressIn(Model):
    """The file is fetched: nobody is sent on, and addresses that are not public are refused."""

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[!-~]+$",
            max_length=2000,
            description="The final address of the file.",
            examples=["https://example.org/subjects.tar.gz"],
        ),
    ]


class ScoreModelIn(Model):
    """The model behind a machine score."""

    name: ScoreName
    model: Sha256


class SubjectsIn(Model):
    """Subjects: the file is a manifest, or an archive of pictures with or without one."""

    kind: Literal["subjects"]
    title: Annotated[str, Field(pattern=NO_NUL, min_length=1, max_length=200)] | None = None
    score_models: Annotated[
        list[ScoreModelIn],
        Field(
            default_factory=list,
            description="Which models made the columns score:NAME of the manifest.",
            max_length=100,
        ),
    ]
    refetch: Annotated[
        bool, Field(description="Fetch pictures again whose subjects were imported from the same address.")
    ] = False


class ScoresIn(Model):
    """Machine scores: the file is CSV with the columns external_id (or subject) and score."""

    kind: Literal["scores"]
    name: ScoreName
    model: Sha256


class ImportIn(Model):
    """What is to be imported, and from where."""

    source: FromUploadIn | FromAddressIn
    content: Annotated[SubjectsIn | ScoresIn, Field(discriminator="kind")]


class ImportProblemOut(Model):
    """A row that was skipped."""

    line: Count
    column: str | None
    problem: str
    remedy: str


class ImportOut(Model):
    """An import, and what became of it so far."""

    id: ImportId
    kind: Literal["subjects", "scores"]
    state: Annotated[
        Literal["waiting", "running", "done", "failed"],
        Field(description="Waiting until a worker is free. One that failed keeps what it has imported."),
    ]
    line: Annotated[Count, Field(description="The line that was read last.")]
    lines: Annotated[Count, Field(description="How many lines there are.")]
    report: Annotated[
        dict[str, Any] | None,
        Field(
            description="How many rows were imported, updated, unchanged and bad so far, and more of the kind.",
            examples=[{"imported": 100, "updated": 0, "unchanged": 0, "bad": 1}],
        ),
    ]
    problems: Annotated[list[ImportProblemOut], Field(description="The first bad rows.")]
    error: Annotated[str | None, Field(description="Why the import as a whole failed.")]
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class ImportPath(Model):
    """The import in a path."""

    import_id: ImportId
