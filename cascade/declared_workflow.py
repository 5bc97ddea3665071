"""The reading of one declared workflow: each value by itself, and what must agree between them.

What a policy would ignore is refused rather than ignored, so that nobody waits for an effect that never comes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cascade.agreement import AGREEMENT
from cascade.fields import Fields, Path, Report, plain, shown
from cascade.graph import (
    EXPERT,
    Condition,
    Count,
    Lead,
    Policy,
    Routes,
    ScorePrior,
    Sequential,
    VoteLimits,
    Workflow,
)

RETIRE: Final = "retire"
"""The word for an edge that leaves the cascade."""

MOST_VOTES: Final = 1000
SLOWEST_MS: Final = 60_000
"""The longest time that can be asked for before an answer counts."""

FINEST: Final = 0.000001
"""The smallest share that can be asked for: closer to 0 or 1 the log-odds leave what votes can ever reach."""

BELOW_HALF: Final = 0.499999
BELOW_ONE: Final = 0.999999

KEYS: Final = (
    *("name", "question", "guide", "level", "policy", "miss", "false_alarm", "votes", "prior", "cold"),
    *("blank", "flag", "audit", "fastest_ms", "then", "when", "else"),
)
_DEFAULT: Final = Workflow(name="", question="")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,59}")
_HUGE: Final = 1e15


def read_workflow(report: Report, path: Path, tree: object) -> Workflow:
    """Return the workflow that a tree declares; where something was reported, a default stands in its place."""
    fields = Fields(report, path, tree, KEYS)
    workflow = Workflow(
        name=_name(fields),
        question=_question(fields),
        guide=fields.text("guide", 2000, lines=True),
        level=_level(fields),
        audit=fields.number("audit", 0, 1, _DEFAULT.audit),
        fastest_ms=fields.whole("fastest_ms", 0, SLOWEST_MS, _DEFAULT.fastest_ms),
        then=_routes(fields.fields("then", ("yes", "no", "contested"))),
        when=_condition(fields),
        otherwise=_otherwise(fields),
    )
    return _with_policy(fields, workflow)


def _name(fields: Fields) -> str:
    remedy = "write 1 to 60 lower-case letters, digits and hyphens that begin with a letter"
    fields.require("name", remedy)
    name = fields.text("name", 200)
    if name == RETIRE:
        fields.refuse("name", "is 'retire', the word for leaving the cascade", "call the workflow something else")
    elif name is not None and not _NAME.fullmatch(name):
        fields.refuse("name", f"is {shown(name)}", remedy)
    return name or ""


def _question(fields: Fields) -> str:
    fields.require("question", "write what volunteers are asked, to be answered by yes or no")
    return fields.text("question", 300) or ""


def _level(fields: Fields) -> int:
    level = fields.value("level")
    if level == "expert":
        return EXPERT
    if isinstance(level, int):
        return fields.whole("level", 1, EXPERT - 1, 1)
    if "level" in fields:
        fields.refuse("level", f"is {shown(level)}", f"write a number from 1 to {EXPERT - 1}, or expert")
    return 1


def _routes(then: Fields) -> Routes:
    return Routes(_target(then, "yes"), _target(then, "no"), _target(then, "contested"))


def _target(fields: Fields, key: str) -> str | None:
    """Read where an edge leads; whether a workflow has that name is checked once all are known."""
    name = fields.text(key, 200)
    return None if name == RETIRE else name


def _otherwise(fields: Fields) -> str | None:
    if "when" not in fields:
        fields.drop("else", "is never followed without a when", "add when: to say what comes in, or remove else")
    return _target(fields, "else")


def _condition(fields: Fields) -> Condition | None:
    if "when" not in fields:
        return None
    when = fields.fields("when", ("score", "metadata", "at_least", "at_most", "equals"))
    if when.sound and ("score" in when) == ("metadata" in when):
        problem = "names a score and a metadata key" if "score" in when else "does not say what is looked at"
        fields.refuse("when", problem, "write either score: NAME or metadata: KEY")
    key = when.text("score", 100) or when.text("metadata", 200) or ""
    low, high = _bound(when, "at_least"), _bound(when, "at_most")
    equals = when.text("equals", 500)
    if when.sound:
        _check_tests(fields, when, low, high)
    return Condition("score" if "score" in when else "metadata", key, low, high, equals)


def _bound(when: Fields, key: str) -> float | None:
    return when.number(key, -_HUGE, _HUGE, 0.0) if key in when else None


def _check_tests(fields: Fields, when: Fields, low: float | None, high: float | None) -> None:
    bounded = low is not None or high is not None
    if "equals" in when and "score" in when:
        when.refuse("equals", "compares a score with a text", "write at_least: or at_most: with a number")
    elif "equals" in when and bounded:
        when.refuse("equals", "stands beside at_least or at_most", "keep either the text or the bounds")
    elif "equals" not in when and not bounded:
        fields.refuse("when", "does not say which values come in", "add at_least:, at_most: or (for metadata) equals:")
    elif low is not None and high is not None and low > high:
        when.refuse("at_least", f"is {plain(low)}, above at_most", f"write a number up to {plain(high)}")


def _with_policy(fields: Fields, workflow: Workflow) -> Workflow:
    """Return the workflow with its policy, and with the values whose meaning depends on it."""
    policy = _policy(fields)
    if not isinstance(policy, Sequential):
        for key in ("miss", "false_alarm", "prior", "cold"):
            fields.drop(key, "means something to a sequential policy only", "remove it, or write policy: sequential")
    votes = _votes(fields, policy)
    known = fields.report.sound(fields.at("policy")) and fields.report.sound(fields.at("votes"))
    least, most, longest = _spans(policy, votes) if known else (1, MOST_VOTES, MOST_VOTES)
    return replace(
        workflow,
        policy=policy,
        miss=fields.number("miss", FINEST, BELOW_HALF, _DEFAULT.miss),
        false_alarm=fields.number("false_alarm", FINEST, BELOW_HALF, _DEFAULT.false_alarm),
        votes=votes,
        prior=_prior(fields),
        cold=_cold(fields, votes),
        blank=fields.whole("blank", least, most, 1) if "blank" in fields else None,
        flag=fields.whole("flag", 1, longest, 1) if "flag" in fields else None,
    )


def _policy(fields: Fields) -> Policy:
    """Read the rule; a broken one is reported and stands as sequential."""
    value = fields.value("policy")
    if "policy" not in fields or value == "sequential":
        return Sequential()
    remedy = "write sequential, {count: 15} or {lead: 3}"
    if not isinstance(value, Mapping):
        fields.refuse("policy", f"is {shown(value)}", remedy)
        return Sequential()
    rule = fields.fields("policy", ("count", "lead"))
    if rule.sound and len(value) != 1:
        fields.refuse("policy", "names two rules" if value else "names no rule", remedy)
    count, lead = rule.whole("count", 1, MOST_VOTES, 1), rule.whole("lead", 1, MOST_VOTES, 1)
    if not rule.sound:
        return Sequential()
    return Count(count) if "count" in rule else Lead(lead)


def _votes(fields: Fields, policy: Policy) -> VoteLimits:
    if isinstance(policy, Count):
        problem = f"means nothing to a count policy, which takes {policy.count} votes, no fewer and no more"
        fields.drop("votes", problem, "remove it, and write the number of votes as the count")
    votes = fields.fields("votes", ("min", "max", "contested"))
    if isinstance(policy, Lead):
        for key in ("min", "contested"):
            votes.drop(key, "means nothing to a lead policy", "remove it; max is the only limit of a lead")
    default = VoteLimits()
    limits = VoteLimits(
        votes.whole("min", 1, MOST_VOTES, default.minimum),
        votes.whole("max", 1, MOST_VOTES, default.maximum),
        votes.whole("contested", 0, MOST_VOTES, default.contested),
    )
    if votes.sound and not isinstance(policy, Count):
        _check_votes(votes, limits, policy)
    return limits


def _check_votes(votes: Fields, limits: VoteLimits, policy: Sequential | Lead) -> None:
    unwritten = "" if "max" in votes else " when it is not written"
    if isinstance(policy, Lead) and limits.maximum < policy.lead:
        problem = f"is {limits.maximum}{unwritten}, so a lead of {policy.lead} is never reached"
        votes.refuse("max", problem, f"write at least {policy.lead}")
    if isinstance(policy, Sequential) and limits.maximum < limits.minimum:
        default = "" if "min" in votes else " (its value when it is not written)"
        problem = f"is {limits.maximum}{unwritten}, below min, {limits.minimum}{default}"
        votes.refuse("max", problem, "let min be at most max")


def _spans(policy: Policy, votes: VoteLimits) -> tuple[int, int, int]:
    """Return the least and the most votes that a blank rule can wait for, and the most that a flag rule can."""
    match policy:
        case Count(count):
            return 1, count, count
        case Lead(lead):
            return 1, lead, votes.maximum
        case Sequential():
            return votes.minimum, votes.maximum, votes.maximum


def _cold(fields: Fields, votes: VoteLimits) -> bool:
    """Read what may retire without gold: agreement, or nothing."""
    if "cold" not in fields:
        return False
    if fields.value("cold") != "agreement":
        fields.refuse("cold", f"is {shown(fields.value('cold'))}", "write agreement, or leave it out")
    elif votes.maximum < AGREEMENT:
        problem = f"is agreement, by a lead of {AGREEMENT} votes, and votes.max is {votes.maximum}"
        fields.refuse("cold", problem, f"let votes.max be at least {AGREEMENT}")
    return True


def _prior(fields: Fields) -> float | ScorePrior:
    low, high = FINEST, BELOW_ONE
    value = fields.value("prior")
    if "prior" not in fields or isinstance(value, int | float):
        return fields.number("prior", low, high, 0.5)
    if not isinstance(value, Mapping):
        remedy = f"write a number from {plain(low)} to {plain(high)}, or {{score: NAME}}"
        fields.refuse("prior", f"is {shown(value)}", remedy)
        return 0.5
    return _score_prior(fields.fields("prior", ("score", "calibrate", "people")))


def _score_prior(prior: Fields) -> ScorePrior:
    prior.require("score", "write the name of a machine score")
    calibrate = prior.value("calibrate")
    if "calibrate" in prior and not isinstance(calibrate, bool):
        prior.refuse("calibrate", f"is {shown(calibrate)}", "write calibrate: false, or leave it out")
    default = ScorePrior("")
    return ScorePrior(
        prior.text("score", 100) or "",
        calibrate=calibrate is not False,
        people=prior.number("people", 0, 1, default.people),
    )
