"""Declared levels as the rules by which they are held, and what keeps anybody from reaching them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from cascade.errors import DeclarationError
from cascade.fields import Position, Report, nowhere, plain
from cascade.graph import Cascade, Level
from gamification.levels import Missing, Record, Rule, Training, is_candidate, judge
from gamification.progress import Answered

_DAY: Final = timedelta(days=1)


def rules_of(cascade: Cascade) -> tuple[Rule, ...]:
    """Return the rules of the levels that a cascade declares, from the lowest level up."""
    return tuple(_rule(level) for level in cascade.levels)


def deals_training(rules: Sequence[Rule], held: int, workflow: str, counts: Sequence[int]) -> bool:
    """Say whether somebody should be dealt more gold of a workflow, for the sake of the next level that it leads to.

    `counts` are gold answers: no, yes and unsure where the truth is no, then the same where it is yes.
    """
    rule = next((rule for rule in rules if rule.level > held and workflow in rule.workflows), None)
    no = Answered(right=counts[0], wrong=counts[1], unsure=counts[2])
    yes = Answered(right=counts[4], wrong=counts[3], unsure=counts[5])
    return rule is not None and is_candidate(rule, workflow, no, yes)


def check_levels(
    cascade: Cascade, gold_counts: Mapping[str, tuple[int, int]], position: Position = nowhere
) -> list[DeclarationError]:
    """Return an error for each thing that a level asks for and nobody can show, however good they are.

    Parameters
    ----------
    gold_counts
        For each workflow's name, how many subjects have the gold answers *no* and *yes*.
    """
    report = Report(position)
    for index, rule in enumerate(rules_of(cascade)):
        for lack in judge(rule, _best(rule, gold_counts)).missing:
            report.add(("levels", index, lack.what), *_told(rule, lack))
    return report.errors


def _rule(level: Level) -> Rule:
    return Rule(
        level=level.level,
        workflows=level.workflows,
        skill=level.skill,
        keep=level.keep,
        gold=level.gold,
        votes=level.votes,
        days=level.days,
        talk=level.talk,
        automatic=level.automatic,
        lasts=_days(level.lasts_days),
        probation=_days(level.probation_days),
    )


def _days(number: int | None) -> timedelta | None:
    return None if number is None else number * _DAY


def _best(rule: Rule, gold_counts: Mapping[str, tuple[int, int]]) -> Record:
    """Return the record of somebody who is right on all gold that there is, and takes part for as long as it takes."""
    training = {}
    for workflow in rule.workflows:
        no, yes = gold_counts.get(workflow, (0, 0))
        training[workflow] = Training(Answered(right=no), Answered(right=yes))
    return Record(training, rule.votes, rule.days)


def _told(rule: Rule, lack: Missing) -> tuple[str, str]:
    """Return the problem and the remedy."""
    if lack.what == "talk":
        return (
            f"is {lack.need:.0f}, and there is no Talk yet, so nobody could reach level {rule.level}",
            "remove it until there is Talk",
        )
    if lack.what == "gold":
        return (
            f"is {rule.gold}, and {lack.workflow} has {lack.have:.0f} training subjects whose answer is {lack.side}",
            f"add gold until {lack.workflow} has {rule.gold} of each answer or more, so that level {rule.level} can be"
            " reached",
        )
    return (
        f"is {plain(rule.skill)}, and whoever is right on all training subjects of {lack.workflow} whose answer is"
        f" {lack.side} has shown {lack.have:.2f}",
        f"add gold to {lack.workflow}, or ask for less skill",
    )
