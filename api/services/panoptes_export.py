"""Exports in the shape of Panoptes': classifications, subjects and workflows of a project, with flat memory.

Every vote that stands is there, whether it counts or not: votes on training subjects, late ones, kept ones. Only what a
volunteer took back is not. Volunteers go by their pseudonyms.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from api.errors import UnknownProjectError
from api.panoptes import writing
from api.panoptes.votes import OUR_TASK
from api.panoptes.writing import Cell
from api.services.pseudonyms import Pseudonyms
from api.services.published import PublishedCascades
from api.store.engine import Connection
from api.store.panoptes import PanoptesStore, Project, SubjectPlace, Vote
from cascade.vocabulary import Answer, Bucket, Exclusion, Reason

Write = Callable[[bytes], object]
Batches = AsyncIterator[list[list[Cell]]]


class Kind(StrEnum):
    """What is exported."""

    CLASSIFICATIONS = "classifications"
    SUBJECTS = "subjects"
    WORKFLOWS = "workflows"


async def export_like_panoptes(connection: Connection, slug: str, kind: Kind, write: Write) -> int:
    """Write an export of a project in the shape of Panoptes'; return the number of its rows.

    Raises UnknownProjectError before anything is written.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        store = PanoptesStore(connection)
        project = await store.find_project(slug)
        if project is None:
            raise UnknownProjectError(slug)
        columns, batches = _EXPORTS[kind]
        write(writing.table([columns]))
        count = 0
        async for rows in batches(connection, store, project):
            write(writing.table(rows))
            count += len(rows)
    return count


async def _classifications(_connection: Connection, store: PanoptesStore, project: Project) -> Batches:
    pseudonyms = Pseudonyms(project.pseudonym_key)
    async for votes in store.votes(project.id):
        yield [_classification(vote, pseudonyms) for vote in votes]


def _classification(vote: Vote, pseudonyms: Pseudonyms) -> list[Cell]:
    counted = vote.exclusion == Exclusion.NONE
    ours = {
        "counted": counted,
        "why_not": None if counted else Exclusion(vote.exclusion).word,
        "bucket": Bucket(vote.bucket).word,
        "flag": vote.flag,
        "source": vote.source,
    }
    about = {**writing.subject_metadata(vote.metadata, vote.external_id), "retired": _retired(vote)}
    return [
        str(vote.client_id),
        pseudonyms.of(vote.volunteer_id),
        None,
        None,
        vote.workflow_id,
        vote.workflow_name,
        writing.version_text(vote.version),
        writing.moment(vote.received_at),
        None,
        None,
        writing.vote_metadata(
            vote.answered_at, vote.dwell_ms, vote.session, vote.language, vote.utc_offset_minutes, ours
        ),
        writing.annotations(vote.question, Answer(vote.answer)),
        writing.json_text({str(vote.subject_id): about}),
        str(vote.subject_id),
    ]


def _retired(vote: Vote) -> dict[str, Any] | None:
    """Return how a subject retired from the workflow, or `None` if it has not."""
    if vote.retired_at is None or vote.entered_at is None:
        return None
    return {
        "workflow_id": vote.workflow_id,
        "classifications_count": vote.votes,
        "created_at": writing.precise(vote.entered_at),
        "updated_at": writing.precise(max(filter(None, (vote.retired_at, vote.last_vote_at)))),
        "retired_at": writing.precise(vote.retired_at),
        "subject_id": vote.subject_id,
        "retirement_reason": Reason(vote.reason).word,
    }


async def _subjects(_connection: Connection, store: PanoptesStore, project: Project) -> Batches:
    async for places in store.subjects(project.id):
        yield [_subject(place) for place in places]


def _subject(place: SubjectPlace) -> list[Cell]:
    pictures = dict(enumerate(_picture(*each) for each in writing.json_value(place.pictures)))
    return [
        place.subject_id,
        place.project_id,
        place.workflow_id,
        None,
        writing.json_text(writing.subject_metadata(place.metadata, place.external_id)),
        writing.json_text(pictures),
        place.votes if place.workflow_id is not None else None,
        writing.moment(place.retired_at),
        None if place.retired_at is None else Reason(place.reason).word,
        writing.moment(place.created_at),
        None,
    ]


def _picture(source: str | None, digest: str, width: int) -> str:
    """Return where a picture lies: the address that it was imported from, else where this service has it."""
    web = source is not None and source.startswith(("http://", "https://"))
    return source if web and source is not None else f"/media/{digest}/{width}.webp"


async def _workflows(connection: Connection, store: PanoptesStore, project: Project) -> Batches:
    """Yield a row for each workflow in each version of the cascade that asks it."""
    published = PublishedCascades()
    done = await store.done(project.id)
    for version_id, in_force in await store.versions(project.id):
        version = await published.get(connection, version_id)
        rows = []
        for name, number in version.ids.items():
            cells: dict[str, Cell] = {
                "workflow_id": number,
                "display_name": name,
                "version": version.number,
                "minor_version": writing.MINOR_VERSION,
                "active": "true" if in_force else "false",
                "classifications_count": done[number][0],
                "first_task": OUR_TASK,
                "retired_set_member_subjects_count": done[number][1],
                **writing.workflow_cells(version.cascade.workflow(name)),
            }
            rows.append([cells.get(column) for column in writing.WORKFLOW_COLUMNS])
        yield rows


_EXPORTS: Final[Mapping[Kind, tuple[tuple[str, ...], Callable[[Connection, PanoptesStore, Project], Batches]]]] = {
    Kind.CLASSIFICATIONS: (writing.CLASSIFICATION_COLUMNS, _classifications),
    Kind.SUBJECTS: (writing.SUBJECT_COLUMNS, _subjects),
    Kind.WORKFLOWS: (writing.WORKFLOW_COLUMNS, _workflows),
}
