"""Calibrations: what refits have learnt about the workflows of a project, for its researchers."""

from typing import Annotated

from pydantic import Field, JsonValue

from mobile_schemas.fields import Count, Model, Moment, Whole, WorkflowId

Share = Annotated[float, Field(ge=0, le=1)]
Place = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,16}\.[0-9]{1,10}$",
        max_length=27,
        description="Where to read on: give back `cursor`.",
        examples=["1795252800000000.1"],
    ),
]


class CalibrationsQuery(Model):
    """Where among the calibrations to read on, and how much."""

    after: Place | None = None
    limit: Annotated[int, Whole(1, 100), Field(description="At most so many calibrations.")] = 20


class AnswersOut(Model):
    """How an unknown volunteer answers on average where the truth is the same."""

    yes: Share
    no: Share
    unsure: Share


class CalibrationOut(Model):
    """One calibration of one workflow. It never changes; the next refit makes another."""

    workflow: WorkflowId
    workflow_name: str
    revision: Annotated[int, Field(ge=1, description="Counts the calibrations of this workflow, from 1.")]
    in_force: Annotated[bool, Field(description="Whether votes are weighed by it now.")]
    version: Annotated[int, Field(ge=1, description="The cascade's version whose targets it was fitted for.")]
    fitted_at: Moment
    votes: Annotated[Count, Field(description="Votes that it was fitted to, answers to training subjects included.")]
    prevalence: Annotated[Share, Field(description="How common yes is among the subjects of this workflow.")]
    hard_share: Annotated[Share, Field(description="How many subjects are hard, so that votes say little about them.")]
    accept_log_odds: Annotated[
        float | None,
        Field(description="Log-odds (nats) from which on a subject retires as yes; null: by the declared target."),
    ]
    reject_log_odds: Annotated[float | None, Field(description="The same for no: minus these log-odds.")]
    start_if_yes: AnswersOut
    start_if_no: AnswersOut
    start_strength: Annotated[
        float, Field(ge=0, description="For how many training answers these averages count in everybody's skill.")
    ]
    scores: Annotated[dict[str, JsonValue], Field(description="What each machine score is worth, by its name.")]
    report: Annotated[
        dict[str, JsonValue],
        Field(
            description="What the fit was made of, what its bounds promise, and what was noticed. Volunteers are "
            "named by their pseudonyms in exports."
        ),
    ]


class CalibrationsOut(Model):
    """Some calibrations of a project, the newest first."""

    calibrations: list[CalibrationOut]
    complete: Annotated[bool, Field(description="Whether these are all behind `after`.")]
    cursor: Annotated[str | None, Field(description="Give it as `after` to read on; null where these are all.")]
