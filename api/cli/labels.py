"""``chaffinch labels revise``; ``chaffinch labels export`` is in `api.cli.exporting`."""

import random
import re
from enum import StrEnum
from typing import Annotated

import typer

from api.cli.connecting import over_database
from api.services.published import PublishedCascades
from api.services.revising import ExpertWord, Revised, revise_label
from cascade.vocabulary import Answer
from mobile_schemas.subjects import subject_number

labels = typer.Typer(name="labels", help="What the workflows concluded.", no_args_is_help=True)


class Side(StrEnum):
    """What an expert can say."""

    YES = "yes"
    NO = "no"


def _said(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("say something")
    return text.strip()


def a_subject(text: str) -> str:
    """Return a public id as it was given, or refuse it."""
    if not re.fullmatch("S[1-9][0-9]{0,17}", text):
        raise typer.BadParameter(f"{text!r} is no subject; give its public id, such as S1234")
    return text


@labels.command("revise")
def labels_revise(
    subject: Annotated[str, typer.Argument(callback=a_subject, help="Public id of the subject, such as S1234.")],
    workflow: Annotated[str, typer.Option(help="Name of the workflow whose question you answer.")],
    answer: Annotated[Side, typer.Option(help="The answer.")],
    by: Annotated[str, typer.Option(callback=_said, help="Who says so.")],
    why: Annotated[str, typer.Option(callback=_said, help="How they know.")],
) -> None:
    """Give a subject the label that an expert says is right, as a new revision.

    A subject that is still open retires by it. It moves on along the cascade by the new answer unless it has been
    there; what its earlier label led to stays.
    """
    said = Answer.YES if answer is Side.YES else Answer.NO
    word = ExpertWord(subject_number(subject), workflow, said, by, why)
    revised = over_database(
        "revising",
        lambda connection, _url: revise_label(connection, PublishedCascades(), random.SystemRandom(), word),
    )
    typer.echo(_summary(word, subject, revised))


def _summary(word: ExpertWord, subject: str, revised: Revised) -> str:
    retired = "It retired by that. " if revised.retired else ""
    goes_on = f"It leads to {revised.routed_to}." if revised.routed_to else "It leads to no further workflow."
    return f"{subject} is {word.answer.word} in {word.workflow}: revision {revised.revision}. {retired}{goes_on}"
