"""``chaffinch crowd``: simulated volunteers who take part over HTTP."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from api.cli.beside import LabelFeed, beside
from api.cli.outcomes import Outcome, counted, outcomes, percent, ratio
from api.cli.running import console
from api.cli.truths import DEMONSTRATION, truths
from api.crowd import Member, Tally, enrol, play
from api.phone import Phone
from api.services.house import Services
from api.services.numbers import subject_ids
from api.settings import Settings
from cascade.graph import EXPERT
from cascade.vocabulary import Answer
from mobile_schemas.labels import LabelOut
from mobile_schemas.projects import ProjectOut, WorkflowOut

FOLLOW_SECONDS: Final = 0.5
"""Between two looks at the labels."""

SAY_SECONDS: Final = 5.0
"""Between two lines of progress where there is no terminal."""

PROMOTED: Final = 1 / 4
"""Share of the crowd that is granted the highest level that a workflow asks for, short of expert."""

EXPERTS: Final = 2

GREETING_SECONDS: Final = 3.0
"""How long the service is tried before it is said that it is not there."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """How many come, drawn by which seed, and for how long."""

    volunteers: int
    seed: int
    seconds: float
    pace_seconds: float


@dataclass(frozen=True, slots=True)
class Campaign:
    """What the crowd goes to, and the right answers by subject."""

    project: ProjectOut
    truths: Mapping[str, Mapping[str, Answer]]

    def truth(self, workflow: str, subject: str) -> Answer | None:
        """Return the right answer, if it is known."""
        return self.truths.get(subject, {}).get(workflow)

    @property
    def workflows(self) -> Sequence[WorkflowOut]:
        """The questions that are asked."""
        return [workflow for workflow in self.project.workflows if workflow.state == "active"]


def crowd(
    volunteers: Annotated[int, typer.Option(min=1, max=1000, help="How many simulated volunteers.")] = 50,
    url: Annotated[str, typer.Option(help="Where the service listens.")] = "http://127.0.0.1:8000",
    project: Annotated[str, typer.Option(help="Short name of the project.")] = DEMONSTRATION,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the same volunteers again.")] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of what is right: external_id, a column for each workflow. The demonstration has its own."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="The crowd goes home after so long at the latest.")] = 10.0,
    pace: Annotated[float, typer.Option(min=0, max=60, help="Seconds that a volunteer takes over a card.")] = 0.0,
) -> None:
    """Send simulated volunteers of varied skill to a running service.

    They take part over HTTP as phones do, until nothing is left for them. Run this beside the service, with the same
    CHAFFINCH_ settings: which subject is which, and higher levels, come straight from its database.
    """
    drawn = secrets.randbits(32) if seed is None else seed
    sitting = Sitting(volunteers, drawn, 60 * minutes, pace)
    asyncio.run(_crowd(url, project, truth, sitting))


async def _crowd(url: str, slug: str, truth: Path | None, sitting: Sitting) -> None:
    known = truths(slug, truth)
    async with Phone(url, patience_seconds=GREETING_SECONDS) as greeting:
        await greeting.health()
    async with beside(Settings()) as house, Phone(url) as phone:
        project = await phone.project(slug)
        feed = await LabelFeed.open(phone, slug, house.services)
        before = len(feed.labels)
        ids = await subject_ids(house.pool, slug, list(known))
        by_subject = {subject: known[external_id] for external_id, subject in ids.items()}
        campaign = Campaign(project, by_subject)
        _announce(sitting, campaign)
        members = await enrol(phone, sitting.volunteers, np.random.default_rng(sitting.seed))
        await _promote(house.services, slug, members, campaign)
        tally = Tally()
        playing = play(phone, slug, members, campaign.truth, tally, sitting.seconds, sitting.pace_seconds)
        await _follow(asyncio.create_task(playing), tally, feed, before, campaign)
        await feed.read()
        _conclude(campaign, tally, feed.labels[before:], before)


def _announce(sitting: Sitting, campaign: Campaign) -> None:
    console.print(
        f"{sitting.volunteers} simulated volunteers (seed {sitting.seed}) go to {campaign.project.title!r}. Each is"
        " right with two chances of its own, one where yes is true and one where no is; some answer without looking."
    )
    if missing := [w.name for w in campaign.workflows if not any(w.name in t for t in campaign.truths.values())]:
        console.print(f"No truth is known for {', '.join(missing)}: there they are always unsure.")


async def _promote(services: Services, slug: str, members: Sequence[Member], campaign: Campaign) -> None:
    """Grant the levels that the workflows ask for: to the most skilled, as promotion would."""
    best = sorted(members, key=lambda member: -_informedness(member))
    asked = {workflow.level for workflow in campaign.workflows if workflow.level > 1}
    experts = best[:EXPERTS] if EXPERT in asked else []
    level = max(asked - {EXPERT}, default=1)
    promoted = [m for m in best[: max(1, round(len(best) * PROMOTED))] if m not in experts] if level > 1 else []
    for member, granted in [*((m, EXPERT) for m in experts), *((m, level) for m in promoted)]:
        await services.levels.grant(member.volunteer, slug, granted)
    if promoted or experts:
        granted_to = [f"level {level} to {len(promoted)}"] * bool(promoted) + [f"expert to {len(experts)}"] * bool(
            experts
        )
        console.print(
            f"No moderator sits here: granted {' and '.join(granted_to)} of the most skilled, by the operator's word."
        )


def _informedness(member: Member) -> float:
    return member.character.right_if_yes + member.character.right_if_no


async def _follow(
    playing: "asyncio.Task[None]",
    tally: Tally,
    feed: LabelFeed,
    before: int,
    campaign: Campaign,
) -> None:
    """Show how it goes until it is over: one live line on a terminal, else a line every few seconds."""
    said_at = time.monotonic()
    with Live(console=console, transient=True, auto_refresh=False) as live:
        try:
            while not playing.done():
                await asyncio.wait({playing}, timeout=FOLLOW_SECONDS)
                await feed.read()
                line = _progress(tally, feed.labels[before:], campaign)
                if console.is_terminal:
                    live.update(Text(line), refresh=True)
                elif time.monotonic() - said_at >= SAY_SECONDS:
                    said_at = time.monotonic()
                    console.print(line)
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing


def _progress(tally: Tally, labels: Sequence[LabelOut], campaign: Campaign) -> str:
    retired = {workflow.id: 0 for workflow in campaign.workflows}
    for label in labels:
        retired[label.workflow] = retired.get(label.workflow, 0) + 1
    by_workflow = ", ".join(f"{workflow.name} {retired[workflow.id]}" for workflow in campaign.workflows)
    return f"{tally.swipes} swipes, {ratio(tally.swipes, round(tally.seconds) or 1)}/s; retired: {by_workflow}"


def _conclude(campaign: Campaign, tally: Tally, labels: Sequence[LabelOut], before: int) -> None:
    earlier = f" ({before} were there before)" if before else ""
    why = "nothing was left for them" if tally.nobody_is_dealt else "their time was up"
    console.print(
        f"The crowd went home, since {why}: {tally.swipes} swipes stored in {tally.seconds:.1f} s,"
        f" {tally.gold.total()} of them on gold, {tally.verdicts['kept']} too late to count; {len(labels)} labels"
        f" made{earlier}."
    )
    found = outcomes(labels, lambda label: campaign.truth(label.workflow_name, label.subject))
    console.print(_table(campaign, tally, found))
    console.print(
        "Votes: for one label, on average. Gold: how often the crowd was right on it. Right, missed and false alarms"
        " are by what the crowd was told is true: for the demonstration, what one developer saw at the size of a"
        " thumbnail. The crowd is simulated: this measures the engine, not the sky."
    )


def _table(campaign: Campaign, tally: Tally, found: Mapping[int, Outcome]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("workflow", "retired", "by", "votes", "right", "missed", "false\nalarms", "gold"):
        table.add_column(name, no_wrap=name not in ("workflow", "by"), overflow="fold")
    for workflow in campaign.workflows:
        outcome = found.get(workflow.id, Outcome())
        gold_right = tally.gold[workflow.id, True]
        table.add_row(
            workflow.name,
            str(outcome.retired),
            counted(outcome.reasons),
            ratio(outcome.votes, outcome.retired),
            percent(outcome.compared - outcome.wrong, outcome.compared),
            f"{outcome.missed} of {outcome.of_yes}",
            f"{outcome.false_alarms} of {outcome.of_no}",
            percent(gold_right, gold_right + tally.gold[workflow.id, False]),
        )
    return table
