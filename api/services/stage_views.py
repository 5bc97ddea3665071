"""Why a subject stands where it does in one workflow, in the words of the contract (`mobile_schemas.why.StageWhyOut`).

What is stored is shown as it is stored; where it does not add up, the view says so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from api.services.evidence import Skill, Stored
from api.services.priors import prior_of
from api.store.explaining import LabelRevision, LedgerRow, Rescore
from cascade.explain import Case, Correction, Decision, Step, Trace, differences, odds, sentences, trace, votes
from cascade.graph import Attributes, ScorePrior, Sequential, Workflow
from cascade.score import CLIP_SCORE
from cascade.score_drift import people_alone
from cascade.skill import CLIP_UNPROVEN
from cascade.standing import Integers, Rows, p_yes
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, Exclusion, PolicyKind, Reason, StageState
from mobile_schemas.subjects import subject_id

MOST_STEPS: Final = 2_000
"""Steps that are shown: the newest."""

_HUNDRED: Final = 100.0

_CLIPPED: Final = f"weighing {odds(CLIP_SCORE)} at most"

_NOT_COUNTED: Final = {
    Exclusion.LATE: "came after the decision; kept in a sum of its own",
    Exclusion.AUDIT: "checks the label; kept in a sum of its own",
    Exclusion.GOLD: "answers a training subject: it teaches about the volunteer, not about the subject",
    Exclusion.LEVEL_LOST: "does not count: the volunteer's level did not reach this workflow any more",
    Exclusion.CARD_EXPIRED: "does not count: the card was dealt too long before",
    Exclusion.RETRACTED: "does not count: it was taken back before it arrived",
    Exclusion.WORKFLOW_RETIRED: "does not count: the question was not asked any more",
    Exclusion.GOLD_WITHDRAWN: "does not count: the subject was no training subject any more",
    Exclusion.IMPORTED: "does not count: it was imported from another platform's log",
    Exclusion.TOO_FAST: "does not count: it was given faster than anybody can look",
    Exclusion.BANNED: "does not count: the volunteer is banned from the project",
    Exclusion.MERGED: "does not count: the same person had answered before, under another name",
}

_TAKEN_OUT: Final = {
    Exclusion.BANNED: "is taken out, since the volunteer was banned from the project",
    Exclusion.MERGED: "is taken out, since the same person had answered before, under another name",
}


def stage_view(stored: Stored) -> dict[str, Any]:
    """Return a stage with everything that made it what it is."""
    steps, rules = stored.steps
    traced = trace(stored.standing, stored.begun, steps, rules)
    workflow, version, calibration = stored.now
    case = _case(stored, steps, traced)
    shown = _steps(stored, steps, traced)
    return {
        "workflow": stored.stage.workflow_id,
        "workflow_name": stored.stage.name,
        "question": stored.stage.question,
        "state": StageState(int(stored.standing["state"][0])).word,
        "in_words": sentences(case),
        "entered_at": stored.stage.entered_at,
        "entered_from": stored.came_from,
        "prior": _prior(stored, workflow),
        "rule": _rule(stored, workflow, version, calibration),
        "steps": shown[-MOST_STEPS:],
        "omitted": max(len(shown) - MOST_STEPS, 0),
        "labels": [_label(each) for each in stored.labels],
        "audit": _audit(case),
        "discrepancies": _discrepancies(stored, steps, traced),
        "notes": _notes(stored),
    }


def _case(stored: Stored, steps: Sequence[Step], traced: Trace) -> Case:
    """Return what there is to say of a stage, as it stood at its decision, or stands now."""
    first = stored.labels[0] if stored.labels else None
    flagged = [each for each in stored.rescores if each.flagged]
    standing = stored.standing
    place = _decided(stored, steps)
    if first is not None and place is not None:
        standing = traced.standings[[place]]
    workflow, _, calibration = stored.now
    return Case(
        subject_id(stored.subject.id),
        stored.stage.name,
        standing,
        stored.rule(workflow, calibration),
        stored.begun,
        None if first is None else _decision(first, anew=place is not None and steps[place].sums is not None),
        [
            Correction(label.answer, label.author or "", label.why or "", _when(label.retired_at))
            for label in stored.labels[1:]
        ],
        audit=int(stored.standing["audit"][0]),
        audit_votes=int(stored.standing["audit_count"][0]),
        audit_open=bool(stored.standing["audit_open"][0]),
        flagged_by=flagged[-1].calibration if flagged else 0,
        flagged_odds=flagged[-1].log_odds if flagged else 0,
    )


def _audit(case: Case) -> dict[str, Any]:
    state = "open" if case.audit_open else "ended" if case.audit_votes else "none"
    return {"state": state, "votes": case.audit_votes, "log_odds": case.audit}


def _decided(stored: Stored, steps: Sequence[Step]) -> int | None:
    """Return the place of the step that decided; None if a person did, or the step is not there."""
    if not stored.labels or stored.labels[0].author is not None:
        return None
    wanted = int(stored.standing["decided_ordinal"][0])
    return next((place for place, step in enumerate(steps) if step.ordinal == wanted), None)


def _decision(label: LabelRevision, *, anew: bool) -> Decision:
    return Decision(
        label.answer,
        Reason(label.reason),
        _when(label.retired_at),
        label.log_odds,
        label.votes,
        label.routed_to,
        label.calibration if anew else 0,
        label.author,
        label.why,
    )


def _discrepancies(stored: Stored, steps: Sequence[Step], traced: Trace) -> list[str]:
    """Return where what is stored is not what the steps add up to."""
    if stored.unread:
        return []
    found = differences(stored.standing, traced, steps)
    z = dict(zip((step.ordinal for step in steps), traced.log_odds.tolist(), strict=True))
    for each in stored.rescores:
        if not each.flagged and z[each.ordinal] != each.log_odds:
            found.append(
                f"calibration {each.calibration} left log-odds of {each.log_odds}, its sums are {z[each.ordinal]}"
            )
    place = _decided(stored, steps)
    ours = place is not None and steps[place].ordinal > stored.stage.earlier
    if ours and traced.log_odds[place] != stored.labels[0].log_odds:
        found.append(f"the label has log-odds of {stored.labels[0].log_odds}, the steps {traced.log_odds[place]}")
    if stored.labels and stored.labels[0].author is None and place is None:
        found.append("the step that decided is not there")
    return found


def _notes(stored: Stored) -> list[str]:
    """Return what could not be shown, and why."""
    notes = [
        f"The votes of {month:%Y-%m} are archived, and their file cannot be read: they are missing here."
        for month in stored.unread
    ]
    if stored.stage.earlier:
        notes.append(
            f"What came up to step {stored.stage.earlier} was weighed and judged by an earlier version of the engine."
            " The log-odds beside it are what this one makes of those weights; a label keeps what it was made by."
        )
    if stored.stage.closed:
        notes.append("The question was asked by an earlier version of the cascade.")
    return notes


def _steps(stored: Stored, steps: Sequence[Step], traced: Trace) -> list[dict[str, Any]]:
    """Return everything that happened, each with the log-odds after it."""
    places = {step.ordinal: place for place, step in enumerate(steps)}
    shown = []
    z, needed = stored.begun, None
    for each in stored.in_order:
        before = z
        if each.ordinal > 0:
            place = places[each.ordinal]
            z, needed = int(traced.log_odds[place]), int(traced.need[place]) or None
        seen = {"log_odds": z, "p_yes": _probability(z), "needed": needed}
        shown.append((_vote(stored, each) if isinstance(each, LedgerRow) else _anew(stored, each, before)) | seen)
    return shown


def _vote(stored: Stored, row: LedgerRow) -> dict[str, Any]:
    gave = row.kind == EntryKind.VOTE
    exclusion = Exclusion(row.exclusion)
    weighed = row.ordinal > 0
    return {
        "kind": EntryKind(row.kind).word,
        "ordinal": row.ordinal or None,
        "at": row.received_at,
        "volunteer": stored.pseudonyms.of(row.volunteer_id),
        "answer": Answer(row.answer).word,
        "flag": row.flag,
        "bucket": Bucket(row.bucket).word,
        "why_not": exclusion.word if (gave and exclusion is not Exclusion.NONE) or exclusion in _TAKEN_OUT else None,
        "version": stored.numbers[row.version_id],
        "calibration": row.calibration,
        "if_yes": row.if_yes if weighed else None,
        "if_no": row.if_no if weighed else None,
        "skill": _skill(row, stored.skill_at(row), exact=stored.exact(row)) if gave and weighed else None,
        "flagged": False,
        "in_words": _vote_in_words(row) if gave else _taken_out_in_words(exclusion, weighed=weighed),
    }


def _taken_out_in_words(exclusion: Exclusion, *, weighed: bool) -> str:
    how = _TAKEN_OUT.get(exclusion, "is taken back")
    return f"{how}: what the vote had added is subtracted" if weighed or exclusion not in _TAKEN_OUT else how


def _anew(stored: Stored, rescore: Rescore, before: int) -> dict[str, Any]:
    if rescore.flagged:
        told = (
            f"calibration {rescore.calibration} would not decide it so: by its weights the odds of yes are"
            f" {odds(rescore.log_odds)}; the label stands, and an audit was opened"
        )
    else:
        told = (
            f"calibration {rescore.calibration} weighed {votes(rescore.votes)} anew: the odds of yes went from"
            f" {odds(before)} to {odds(rescore.log_odds)}"
        )
    return {
        "kind": "rescore",
        "ordinal": rescore.ordinal,
        "at": rescore.rescored_at,
        "volunteer": None,
        "answer": None,
        "flag": False,
        "bucket": None,
        "why_not": None,
        "version": stored.numbers[rescore.version_id],
        "calibration": rescore.calibration,
        "if_yes": rescore.if_yes,
        "if_no": rescore.if_no,
        "skill": None,
        "flagged": rescore.flagged,
        "in_words": told,
    }


def _vote_in_words(row: LedgerRow) -> str:
    if (why := _NOT_COUNTED.get(Exclusion(row.exclusion))) is not None:
        if row.truth is None:
            return why
        return f"{why}; it was {'right' if row.answer == row.truth else 'wrong'}"
    says = odds(row.if_yes - row.if_no)
    if row.bucket == Bucket.PROVEN:
        return f"counts {says}, as of a proven volunteer"
    return f"counts {says} among the unproven, who together count {odds(CLIP_UNPROVEN)} at most"


def _skill(row: LedgerRow, skill: Skill, *, exact: bool) -> dict[str, Any]:
    refit = (skill.batch / _HUNDRED).tolist()
    gold = skill.counts.tolist()
    return {
        "revision": row.skill_revision,
        "gold_if_no": gold[0],
        "gold_if_yes": gold[1],
        "refit_if_no": refit[0],
        "refit_if_yes": refit[1],
        "exact": exact,
    }


def _label(label: LabelRevision) -> dict[str, Any]:
    return {
        "revision": label.revision,
        "label": None if label.answer == NO_ANSWER else Answer(label.answer).word,
        "reason": Reason(label.reason).word,
        "log_odds": label.log_odds,
        "p_yes": _probability(label.log_odds),
        "counted": label.votes,
        "version": label.number,
        "calibration": label.calibration,
        "routed_to": label.routed_to,
        "author": label.author,
        "why": label.why,
        "made_at": label.retired_at,
    }


def _prior(stored: Stored, workflow: Workflow) -> dict[str, Any]:
    """Return what the subject began with, and what that was made of, if that still gives it."""
    subject, draw = stored.subject, int(stored.standing["draw"][0])
    known, scoreless = Attributes(subject.metadata, subject.scores, subject.models), Attributes(subject.metadata)
    name, revision, source = None, 0, "unknown"
    told = "made of a score, a number or a calibration that has changed since"
    for tried in (0, *stored.revisions):
        calibration = stored.calibration(tried)
        if prior_of(workflow, known, calibration, draw)[0] == stored.begun:
            revision = tried
            if prior_of(workflow, scoreless, calibration, draw)[0] != stored.begun:
                name = workflow.prior.score if isinstance(workflow.prior, ScorePrior) else None
            source, told = _made_of(stored, workflow, revision, name)
            break
    return {
        "log_odds": stored.begun,
        "p_yes": _probability(stored.begun),
        "source": source,
        "score": name,
        "value": None if name is None else subject.scores.get(name),
        "model": None if name is None else subject.models.get(name),
        "calibration": revision,
        "in_words": f"odds of yes of {odds(stored.begun)}, {told}",
    }


def _made_of(stored: Stored, workflow: Workflow, revision: int, score: str | None) -> tuple[str, str]:
    """Return where a prior comes from, as a word and in words."""
    if score is not None:
        how = f"as calibration {revision} has it" if revision else "taken as a probability"
        return "score", f"from the machine score {score} = {stored.subject.scores[score]:g}, {how}, {_CLIPPED}"
    unused = _unused(stored, workflow.prior, revision) if isinstance(workflow.prior, ScorePrior) else ""
    if revision and stored.begun:
        return "prevalence", f"by the share of yes that calibration {revision} found{unused}"
    return "declared", f"which says nothing{unused}" if unused else "as it is declared"


def _unused(stored: Stored, prior: ScorePrior, revision: int) -> str:
    """Return why a machine score is no part of the prior."""
    fit = stored.calibration(revision).scores.get(prior.score)
    if prior.score not in stored.subject.scores:
        return f": it has no score {prior.score}"
    if people_alone(int(stored.standing["draw"][0]), prior.people):
        return f": it is among those that are left to people alone, without the score {prior.score}"
    if fit is None:
        return f": the score {prior.score} was not calibrated yet"
    if fit.model != stored.subject.models.get(prior.score):
        return f": the score {prior.score} is of another model than that which was calibrated"
    return f": the score {prior.score} tells nothing here"


def _rule(stored: Stored, workflow: Workflow, version: int, calibration: int) -> dict[str, Any]:
    """Return the rule by which the subject was decided, or will be."""
    rule, fitted = stored.rule(workflow, calibration), stored.calibration(calibration)
    sequential = isinstance(workflow.policy, Sequential)
    accept, reject = int(rule["accept"][0]), -int(rule["reject"][0])
    return {
        "policy": PolicyKind(workflow.policy.kind).word,
        "version": stored.numbers[version],
        "calibration": calibration,
        "accept": accept if sequential else None,
        "reject": reject if sequential else None,
        "bounds": ("calibration" if fitted.accept or fitted.reject else "declared") if sequential else None,
        "miss": workflow.miss if sequential else None,
        "false_alarm": workflow.false_alarm if sequential else None,
        "hard_share": fitted.hard / 1_000_000 if sequential else None,
        "votes_min": workflow.votes.minimum,
        "votes_max": workflow.votes.maximum,
        "in_words": _rule_in_words(rule, calibration if fitted.accept or fitted.reject else 0, workflow),
    }


def _rule_in_words(rule: Rows, calibration: int, workflow: Workflow) -> str:
    if rule["policy"][0] == PolicyKind.COUNT:
        return f"the majority of {votes(int(rule['count'][0]))}"
    if rule["policy"][0] == PolicyKind.LEAD:
        return f"a lead of {int(rule['lead'][0])}, within {votes(workflow.votes.maximum)}"
    origin = f"by calibration {calibration}" if calibration else "by Wald's rule for the declared targets"
    return (
        f"yes at odds of {odds(int(rule['accept'][0]))}, no at {odds(-int(rule['reject'][0]))}, {origin}"
        f" (miss {workflow.miss:g}, false alarm {workflow.false_alarm:g})"
    )


def _probability(z: int) -> float:
    numbers: Integers = np.array([z], dtype=np.int64)
    return float(p_yes(numbers)[0])


def _when(moment: datetime) -> str:
    return f"on {moment:%Y-%m-%d} at {moment:%H:%M} UTC"
