"""Why a subject stands where it does in a workflow: its steps with what each made of the odds, and plain sentences.

Nothing is decided here. `trace` adds up what is stored of each step, in the order of the ordinals; `differences` says
where that is not what is stored of the stage, and `sentences` tells the outcome as one would tell a colleague.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.decision import need
from cascade.skill import MICRO
from cascade.standing import STANDING, Integers, Rows, Side, Tally, log_odds_by, p_yes
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, PolicyKind, Reason, StageState

NAMED_ODDS: Final = 1e6
"""Odds are told as numbers up to here."""

SUMS: Final = ("prior", "if_yes", "if_no", "unproven")
COUNTS: Final = ("n_yes", "n_no", "n_unsure", "u_yes", "u_no", "u_unsure")
COMPARED: Final = (*SUMS, *COUNTS, "flags", "late_count", "audit_count", "ordinal")
"""The fields of a stage that follow from its steps by addition."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is stored of one step: a vote, a vote taken back, or a weighing anew.

    Attributes
    ----------
    ordinal, rule
        Its place on the stage, and the row of the rule that it was judged by.
    sign
        1 for a vote, -1 for a vote taken back, 0 for a weighing anew.
    answer, flag, bucket, if_yes, if_no
        Of a vote; the increments as they were added, in micro-nats, negative for one taken back.
    sums
        Of a weighing anew: the `SUMS` that it left behind.
    counts
        Of a weighing anew: the `COUNTS` that it left behind, `None` where they are not known.
    """

    ordinal: int
    rule: int
    sign: int
    answer: int = NO_ANSWER
    flag: bool = False
    bucket: int = Bucket.IGNORED
    if_yes: int = 0
    if_no: int = 0
    sums: Sequence[int] | None = None
    counts: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A stage after each of its k steps.

    Attributes
    ----------
    standings
        (k,); the audit's and the late votes' sums are not kept, their counts are.
    log_odds
        In micro-nats, (k,).
    probability
        Of *yes*, (k,).
    need
        The least number of further votes that could decide, (k,); 0 once it was decided.
    """

    standings: Rows
    log_odds: Integers
    probability: Sequence[float]
    need: Integers


def trace(stage: Rows, prior: int, steps: Sequence[Step], rules: Rows) -> Trace:
    """Return what the steps, in the order of their ordinals, made of a stage.

    `stage` is the stored `STANDING` of shape (1,), of which draw, machine and the ordinal of the decision are read;
    `prior` is what it began with, in micro-nats.
    """
    standings = np.zeros(len(steps), dtype=STANDING)
    standing = np.zeros(1, dtype=STANDING)
    standing["answer"], standing["prior"] = NO_ANSWER, prior
    standing["machine"], standing["draw"] = stage["machine"], stage["draw"]
    index = np.array([step.rule for step in steps], dtype=np.int64)
    for number, step in enumerate(steps):
        _add(standing, step)
        standing["state"] = _state(standing, stage, rules[step.rule])
        standings[number] = standing[0]
    z = log_odds_by(standings, rules[index])
    return Trace(standings, z, p_yes(z).tolist(), need(standings, rules, index))


def differences(stage: Rows, traced: Trace, steps: Sequence[Step]) -> list[str]:
    """Return in words what is stored otherwise than the steps add up to; an empty list is the proof.

    `stage` is as in `trace`. Of a stage without steps nothing is asked.
    """
    ordinals = [step.ordinal for step in steps]
    if ordinals != list(range(1, len(steps) + 1)):
        missing = sorted(set(range(1, max([*ordinals, int(stage["ordinal"][0])]) + 1)) - set(ordinals))
        return [f"{len(missing)} of {int(stage['ordinal'][0])} steps are not there, the first of them {missing[0]}"]
    if not steps:
        return []
    last = traced.standings[-1]
    return [
        f"{name} is stored as {int(stage[name][0])}, and the steps add up to {int(last[name])}"
        for name in COMPARED
        if stage[name][0] != last[name]
    ]


@dataclass(frozen=True, slots=True)
class Decision:
    """What retired a subject: the label's first revision, with how the stage stood then.

    `when` is a moment in words; `by_calibration` is the calibration whose weighing anew decided, 0 if a vote did;
    `author` and `why` are those of an expert who decided it.
    """

    answer: int
    reason: Reason
    when: str
    log_odds: int
    votes: int
    routed_to: str | None = None
    by_calibration: int = 0
    author: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A later revision of a label by an expert."""

    answer: int
    author: str
    why: str
    when: str


@dataclass(frozen=True, slots=True)
class Case:
    """A subject in a workflow, with all that is said of it.

    Attributes
    ----------
    subject, workflow
        Public id, and name.
    standing, rule
        The stage as it stood at its decision, or stands now if there is none, and the rule in force then, (1,) each.
    begun
        Log-odds before any vote, in micro-nats.
    audit, audit_votes, audit_open
        What its audit has gathered, in micro-nats, by how many votes.
    flagged_by, flagged_odds
        The newest calibration that would decide it otherwise, 0 if none, and the log-odds by it.
    """

    subject: str
    workflow: str
    standing: Rows
    rule: Rows
    begun: int
    decision: Decision | None = None
    corrections: Sequence[Correction] = ()
    audit: int = 0
    audit_votes: int = 0
    audit_open: bool = False
    flagged_by: int = 0
    flagged_odds: int = 0


def sentences(case: Case) -> list[str]:
    """Return what there is to say of a case, the outcome first."""
    told = [_undecided(case) if case.decision is None else _decided(case, case.decision)]
    if case.decision is not None and case.decision.routed_to is not None:
        told.append(f"It went on to workflow {case.decision.routed_to}.")
    told += [f"{each.author} made it {answer(each.answer)} {each.when}: {each.why}" for each in case.corrections]
    if case.flagged_by:
        told.append(
            f"Calibration {case.flagged_by} would not decide it so: by its weights the odds of yes are"
            f" {odds(case.flagged_odds)}. The label stands, and an audit was opened."
        )
    if case.audit_votes or case.audit_open:
        told.append(_audited(case))
    return told


def odds(z: int) -> str:
    """Return log-odds in micro-nats as one says them: 41:1, 1:19, 1.5:1."""
    ratio = float(np.exp(min(abs(z) / MICRO, 100.0)))
    if ratio > NAMED_ODDS:
        number = "over a million"
    else:
        number = f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.1f}".removesuffix(".0")
    return f"{number}:1" if z >= 0 else f"1:{number}"


def votes(number: int) -> str:
    """Return a number of votes in words."""
    return f"{number} vote" if number == 1 else f"{number} votes"


def answer(number: int) -> str:
    """Return an answer in words."""
    return "without an answer" if number == NO_ANSWER else Answer(number).word


def _add(standing: Rows, step: Step) -> None:
    """Add a step to a standing, in place."""
    standing["ordinal"] += 1
    if step.sums is not None:
        for name, value in zip(SUMS, step.sums, strict=True):
            standing[name] = value
        for name, value in zip(COUNTS, step.counts or (), strict=step.counts is not None):
            standing[name] = value
        return
    if step.sign == 0:
        return
    word = Answer(step.answer).word
    if step.bucket in (Bucket.PROVEN, Bucket.UNPROVEN):
        standing["flags"] += step.sign * step.flag
    if step.bucket == Bucket.PROVEN:
        standing["if_yes"] += step.if_yes
        standing["if_no"] += step.if_no
        standing[f"n_{word}"] += step.sign
    elif step.bucket == Bucket.UNPROVEN:
        standing["unproven"] += step.if_yes - step.if_no
        standing[f"u_{word}"] += step.sign
    elif step.bucket in (Bucket.LATE, Bucket.AUDIT):
        standing[f"{Bucket(step.bucket).word}_count"] += step.sign


def _state(standing: Rows, stage: Rows, rule: Rows) -> int:
    """Return the state that a stage is stored to have had after a step."""
    decided = int(stage["decided_ordinal"][0])
    if 0 < decided <= standing["ordinal"][0]:
        return int(StageState.RETIRED)
    full = Tally.of(standing).counted[0] >= rule["votes_max"]
    contested = full and rule["policy"] == PolicyKind.SEQUENTIAL
    return int(StageState.CONTESTED if contested else StageState.OPEN)


def _decided(case: Case, decision: Decision) -> str:
    """Return what retired a case, and by which rule."""
    begins = f"{case.subject} was retired"
    if decision.answer != NO_ANSWER:
        begins += f" as {answer(decision.answer)}"
    begins += f" in workflow {case.workflow}"
    if decision.author is not None:
        return f"{begins} by {decision.author} {decision.when}: {decision.why}"
    match decision.reason:
        case Reason.FLAGGED:
            return f"{begins} {decision.when}, without an answer: {votes(int(case.standing['flags'][0]))} flagged it."
        case Reason.NOTHING_HERE:
            return f"{begins} {decision.when} as having nothing in it: all {votes(decision.votes)} said no."
    by = {Reason.CONSENSUS: " by consensus", Reason.HUMAN: " by experts"}.get(decision.reason, "")
    return f"{begins}{by} {decision.when}: {_how(case, decision)}."


def _how(case: Case, decision: Decision) -> str:
    """Return how the votes met the rule of a policy, or came to its limit."""
    tally = Tally.of(case.standing)
    heard = f"{int(tally.yes[0])} yes and {int(tally.no[0])} no among {votes(decision.votes)}"
    policy = int(case.rule["policy"][0])
    if policy == PolicyKind.COUNT:
        return f"{heard}, as many as are asked for"
    if policy == PolicyKind.LEAD:
        lead = int(case.rule["lead"][0])
        if decision.reason == Reason.CONSENSUS:
            return f"{heard} are a lead of {abs(int(tally.yes[0] - tally.no[0]))}, and {lead} decides"
        return f"{heard}, the most that are asked for, without a lead of {lead}"
    if decision.reason == Reason.CONSENSUS:
        return _crossing(case, decision)
    return (
        f"{votes(decision.votes)}, the most that are asked for, left the odds of yes at {odds(decision.log_odds)},"
        f" between the bounds of {odds(-int(case.rule['reject'][0]))} and {odds(int(case.rule['accept'][0]))}"
    )


def _crossing(case: Case, decision: Decision) -> str:
    bound = int(case.rule["accept"][0]) if decision.answer == Answer.YES else -int(case.rule["reject"][0])
    who, z, agreed = votes(decision.votes), decision.log_odds, ""
    if decision.by_calibration:
        who = f"calibration {decision.by_calibration} weighed {who} anew, which"
    if case.rule["cold"][0]:
        z, tally = int(Side.both(case.standing, case.rule)[0].z[0]), Tally.of(case.standing)
        agreed = (
            f", with a lead of {abs(int(tally.yes[0] - tally.no[0]))}, while gold is too scarce to say whom to believe"
        )
    return f"{who} brought the odds of yes from {odds(case.begun)} to {odds(z)}, past {odds(bound)}{agreed}"


def _undecided(case: Case) -> str:
    """Return how far a case is, and what it waits for."""
    state = StageState(int(case.standing["state"][0]))
    begins = f"{case.subject} is {state.word} in workflow {case.workflow}"
    if state is StageState.WITHDRAWN:
        return f"{case.subject} was withdrawn from workflow {case.workflow}: the cascade asks about it no more."
    tally = Tally.of(case.standing)
    counted, yes, no = (int(each[0]) for each in (tally.counted, tally.yes, tally.no))
    needed = int(need(case.standing, case.rule, np.zeros(1, dtype=np.int64))[0])
    match int(case.rule["policy"][0]):
        case PolicyKind.COUNT:
            return f"{begins}: it has {counted} of {votes(int(case.rule['count'][0]))}."
        case PolicyKind.LEAD:
            return (
                f"{begins}: {yes} yes and {no} no among {votes(counted)}; a lead of {int(case.rule['lead'][0])}"
                f" decides, which takes {votes(needed)} or more."
            )
    z = int(log_odds_by(case.standing, case.rule)[0])
    have = "have" if counted != 1 else "has"
    return (
        f"{begins}: {votes(counted)} {have} brought the odds of yes from {odds(case.begun)} to {odds(z)};"
        f" {odds(int(case.rule['accept'][0]))} retires it as yes and {odds(-int(case.rule['reject'][0]))} as no,"
        f" which takes {votes(needed)} or more{_asked(state)}."
    )


def _asked(state: StageState) -> str:
    return ", asked of the most skilled" if state is StageState.CONTESTED else ""


def _audited(case: Case) -> str:
    """Return how an audit stands, and whether it bears the label out."""
    if not case.audit_votes:
        return "An audit of it is open, and has no vote yet."
    gathered = f"{votes(case.audit_votes)}, which alone put the odds of yes at {odds(case.audit)}"
    if case.audit_open:
        return f"An audit of it is open, with {gathered}."
    if case.decision is None or case.decision.answer == NO_ANSWER:
        return f"An audit of it has ended, with {gathered}."
    agrees = (case.audit >= 0) == (case.decision.answer == Answer.YES)
    verdict = "bears the label out" if agrees else "speaks against the label, which stands until an expert revises it"
    return f"An audit of it has ended, with {gathered}: that {verdict}."
