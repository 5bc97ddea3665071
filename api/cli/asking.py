"""``chaffinch ask``: which subjects to ask an expert about, and what their answers would buy."""

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from api.cli.connecting import over_database
from api.cli.speaking import console, fail
from api.errors import UnknownProjectError
from api.services.asking import Asking, Question, WorkflowQuestions, questions_view
from api.services.published import PublishedCascades
from api.store.engine import Connection
from api.store.publishing import PublishingStore
from cascade.asking import Why
from cascade.errors import UnknownWorkflowError
from mobile_schemas.subjects import subject_id

_BECAUSE: Final = {
    Why.AUDIT: "votes after its retirement speak against its label",
    Why.REFIT: "by what was learnt since, it would be decided otherwise",
    Why.CONTESTED: "the votes do not decide it",
    Why.TEACHES: "tells most about volunteers of whom little is known",
}


def ask(
    project: Annotated[str, typer.Argument(help="The project's short name.")],
    workflow: Annotated[str | None, typer.Option(help="Only the workflow of this name.")] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="At most so many subjects of each workflow.")] = 20,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write those that teach to this CSV file, to be filled in and imported.", dir_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Name the subjects whose answer by an expert would help most, and say what more gold would buy.

    Answers to those that teach become gold by `chaffinch gold import` of the sheet; those that votes cannot settle are
    settled by `chaffinch labels revise`.
    """
    asked = over_database("ask", lambda connection, _url: _ask(connection, project, workflow, count))
    if sheet is not None:
        _write_sheet(sheet, asked)
    if as_json:
        typer.echo(json.dumps({"workflows": [questions_view(each) for each in asked]}, indent=2))
        return
    for each in asked:
        _show(each)
    if sheet is not None:
        console.print(
            f"Fill the columns of {sheet} in with yes or no, and bring it in:"
            f" chaffinch gold import {sheet} --project {project}",
            markup=False,
        )


async def _ask(connection: Connection, slug: str, name: str | None, count: int) -> list[WorkflowQuestions]:
    found = await PublishingStore(connection).find_project(slug)
    if found is None:
        raise UnknownProjectError(slug)
    asked = await Asking(connection, PublishedCascades(), random.SystemRandom()).questions(*found, count)
    named = [each for each in asked if name in (None, each.workflow.name)]
    if name is not None and not named:
        raise UnknownWorkflowError(name, [each.workflow.name for each in asked])
    return named


def _show(asked: WorkflowQuestions) -> None:
    no, yes = asked.gold
    console.print(f"{asked.workflow.name}: {asked.workflow.question} Gold: {yes} yes, {no} no.", markup=False)
    for line in asked.advice:
        console.print(f"  - {line}", markup=False)
    if not asked.questions:
        console.print("  Nothing to ask: no subject has votes that an expert could add to.")
        return
    table = Table("subject", "external id", "yes", "no", "unsure", "label", "why", box=None, pad_edge=False)
    for each in asked.questions:
        table.add_row(*_cells(each))
    console.print(table)
    console.print("  Look at them at /v1/subjects/SUBJECT, which names their pictures.")


def _cells(question: Question) -> Sequence[str]:
    subject = question.subject
    votes = (str(subject.yes), str(subject.no), str(subject.unsure))
    because = _BECAUSE[question.why]
    return (subject_id(subject.subject_id), subject.external_id, *votes, question.label or "-", because)


def _write_sheet(path: Path, asked: Sequence[WorkflowQuestions]) -> None:
    """Write a manifest in which the answers are missing, one column for each workflow."""
    names = [each.workflow.name for each in asked]
    teaching = {each.subject.external_id: None for one in asked for each in one.questions if each.why is Why.TEACHES}
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["external_id", *(f"gold:{name}" for name in names)])
            rows.writerows([external_id, *("" for _ in names)] for external_id in teaching)
    except OSError as error:
        fail(f"{path} cannot be written ({error.strerror}).")
