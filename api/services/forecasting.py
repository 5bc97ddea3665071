"""What a candidate cascade would have made of stored votes, beside the one in force."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from api.services.forecast import (
    Budget,
    Changed,
    Errors,
    Forecast,
    GoldError,
    NotPlayed,
    Stored,
    Votes,
    WorkflowForecast,
)
from api.services.played_again import AttributesOf, Case, as_begun, attributes_in, case_of, fresh, fresh_gold, gold_of
from api.services.published import Published
from api.store.what_if import Gathered
from cascade.budget import split_budget
from cascade.difference import difference
from cascade.expected_error import Counted, by_model, on_gold
from cascade.graph import Cascade, ScorePrior, Sequential, Workflow
from cascade.interval import enough_for
from cascade.standing import Rows, rules_of
from cascade.vocabulary import NO_ANSWER, Answer, StageState
from cascade.whatif import Information, Kind, Played, Walk, changes, information, outlook, play, retargeted, walk
from mobile_schemas.subjects import subject_id

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_PLAYED: Final = frozenset(
    ("policy", "miss", "false_alarm", "votes", "prior", "blank", "flag", "then", "when", "else", "cold", "question")
)
_WITHOUT_EFFECT: Final = frozenset(("guide", "audit"))
_OPEN: Final = {int(StageState.OPEN): "open", int(StageState.CONTESTED): "contested"}
_RETIRED: Final = int(StageState.RETIRED)


@dataclass(frozen=True, slots=True)
class _Twice:
    """One workflow, played by the version in force and by the candidate."""

    workflow: Workflow
    case: Case
    now: Played
    new: Played
    told: Information


@dataclass(frozen=True, slots=True)
class _Replay:
    """All that was played, and how subjects went through both cascades."""

    in_force: Published
    candidate: Cascade
    everybody: Sequence[int]
    before: Mapping[str, Played]
    twice: Mapping[str, _Twice]
    now: Walk
    new: Walk


def forecast(in_force: Published, candidate: Cascade, gathered: Gathered, total_miss: float | None = None) -> Forecast:
    """Play what is gathered under both cascades, and compare.

    `total_miss` is the share of misses that is divided between the stages; by default the greatest that one declares.
    """
    of = attributes_in(gathered)
    replay = _replayed(in_force, candidate, gathered, of)
    changed = {name: _changes(replay, name) for name in replay.twice}
    return Forecast(
        project=candidate.project,
        version=in_force.number,
        share=gathered.share,
        subjects_in_all=gathered.stages_in_all,
        votes_in_all=gathered.votes_in_all,
        workflows=[_part(replay, name, changed[name], _errors(replay, gathered, name, of)) for name in replay.twice],
        not_played=[*_without_votes(replay), *_closed(replay)],
        changes=[each for name in replay.twice for each in _named(replay, name, changed[name])],
        budget=_budget(replay, total_miss),
    )


def _replayed(in_force: Published, candidate: Cascade, gathered: Gathered, of: AttributesOf) -> _Replay:
    cases = {name: case_of(gathered, number) for name, number in in_force.ids.items()}
    before = {name: play(as_begun(case), case.votes, _rule_now(in_force, name)) for name, case in cases.items()}
    twice = {
        each.name: _played_twice(in_force, each, cases[each.name], before[each.name], of)
        for each in candidate.workflows
        if each.name in cases and in_force.cascade.workflow(each.name).question == each.question
    }
    everybody = sorted({subject for case in cases.values() for subject in case.subjects.tolist()})
    subjects = {name: case.subjects for name, case in cases.items()}
    after = {name: each.new for name, each in twice.items()}
    now = walk(in_force.cascade, everybody, subjects, before, of)
    new = walk(candidate, everybody, {name: subjects[name] for name in twice}, after, of)
    return _Replay(in_force, candidate, everybody, before, twice, now, new)


def _rule_now(in_force: Published, name: str) -> Rows:
    """Return the rule that votes are judged by today, (1,)."""
    rules: Rows = in_force.rules
    return rules[[in_force.rule_of[in_force.ids[name]]]]


def _rule_new(in_force: Published, workflow: Workflow) -> Rows:
    """Return the rule that the candidate gives with what refits have learnt, (1,)."""
    calibration = in_force.calibration(in_force.ids[workflow.name])
    moved = retargeted(calibration, in_force.cascade.workflow(workflow.name), workflow)
    return rules_of([workflow], {workflow.name: moved})


def _played_twice(in_force: Published, workflow: Workflow, case: Case, now: Played, of: AttributesOf) -> _Twice:
    stages = as_begun(case)
    if workflow.prior != in_force.cascade.workflow(workflow.name).prior:
        calibration = in_force.calibration(in_force.ids[workflow.name])
        stages = fresh(case.subjects, case.stored["draw"], workflow, calibration, of)
    new = play(stages, case.votes, _rule_new(in_force, workflow))
    return _Twice(workflow, case, now, new, information(stages, case.votes))


def _comes(replay: _Replay, name: str) -> tuple[Mask, Mask]:
    """Return which subjects the candidate leads to a workflow, and which it no longer does.

    A stage to which the version in force leads nobody either, one of an earlier version perhaps, stays.
    """
    now, new = replay.now.reached[name], replay.new.reached[name]
    return new | ~now, now & ~new


def _changes(replay: _Replay, name: str) -> Integers:
    """Return how each stage comes out otherwise; an expert's word stands."""
    twice, (_, left_out) = replay.twice[name], _comes(replay, name)
    routes = (replay.now.routes[name], replay.new.routes[name])
    return np.where(twice.case.by_hand, int(Kind.SAME), changes(twice.now, twice.new, routes, left_out))


def _part(replay: _Replay, name: str, kinds: Integers, errors: tuple[Errors, Errors]) -> WorkflowForecast:
    twice, (comes, _) = replay.twice[name], _comes(replay, name)
    everywhere = np.ones(len(comes), dtype=np.bool_)
    used_new = np.where(comes, twice.new.used, 0)
    spared = twice.now.used - used_new
    return WorkflowForecast(
        workflow=name,
        subjects=len(twice.case.subjects),
        votes_given=len(twice.case.votes),
        retired_now=int(twice.now.retired.sum()),
        retired_new=int((twice.new.retired & comes).sum()),
        changes={kind.word: int((kinds == kind).sum()) for kind in Kind if kind != Kind.SAME},
        arriving=len(replay.new.strangers[name] - replay.now.strangers[name]),
        saved=int(np.maximum(spared, 0).sum()),
        more=int(np.maximum(-spared, 0).sum()),
        votes_now=_votes(twice.now, twice.told, everywhere),
        votes_new=_votes(twice.new, twice.told, comes),
        information=twice.told,
        errors_now=errors[0],
        errors_new=errors[1],
        stored=_as_stored(replay, name),
        notes=list(_notes(replay, name)),
    )


def _votes(played: Played, told: Information, comes: Mask) -> Votes:
    ahead = outlook(played, told)
    undecided = comes & ~played.retired
    return Votes(
        used=int(played.used[comes].sum()),
        undecided=int(undecided.sum()),
        at_least=int(ahead.at_least[undecided].sum()),
        expected=float(ahead.expected[undecided].sum()),
    )


def _as_stored(replay: _Replay, name: str) -> Stored:
    """Compare what the version in force makes of the votes with what is stored."""
    case, played = replay.twice[name].case, replay.twice[name].now.standings
    same = np.all([played[field] == case.stored[field] for field in ("state", "answer", "reason")], axis=0)
    revision = replay.in_force.calibration(replay.in_force.ids[name]).revision
    counts, left = [], ~same
    older, recalibrated = case.versions != replay.in_force.version_id, np.full(len(same), revision > 0)
    for why in (case.by_hand, case.taken_back, older, recalibrated, left):
        counts.append(int((left & why).sum()))
        left = left & ~why
    return Stored(int(same.sum()), *counts)


def _notes(replay: _Replay, name: str) -> Iterator[str]:
    """Yield what is not played of the changes that are declared."""
    in_force, workflow = replay.in_force, replay.twice[name].workflow
    fields = {
        str(each.field).partition(".")[0]: each
        for each in difference(in_force.cascade, replay.candidate)
        if each.workflow == name and each.field
    }
    for field in sorted(fields.keys() - _PLAYED - _WITHOUT_EFFECT):
        yield f"{field} changes, which no replay can show: the votes would be other ones."
    calibrated = in_force.calibration(in_force.ids[name]).revision > 0
    if calibrated and fields.keys() & {"miss", "false_alarm"} and isinstance(workflow.policy, Sequential):
        yield "The bounds for the new targets are an estimate until the next refit; they are moved as Wald's would be."
    if "prior" in fields and isinstance(workflow.prior, ScorePrior) and workflow.prior.calibrate and not calibrated:
        yield "No calibration has been fitted yet, so a score that is to be calibrated counts for nothing here."


def _named(replay: _Replay, name: str, kinds: Integers) -> Iterator[Changed]:
    twice, old, new = replay.twice[name], replay.now.routes[name], replay.new.routes[name]
    for place in sorted(np.flatnonzero(kinds).tolist(), key=lambda n: (kinds[n], n)):
        left_out = kinds[place] == Kind.LEFT_OUT
        yield Changed(
            subject=subject_id(int(twice.case.subjects[place])),
            workflow=name,
            kind=Kind(kinds[place]).word,
            stored=_outcome(twice.case.stored, place),
            now=_outcome(twice.now.standings, place),
            new="not asked" if left_out else _outcome(twice.new.standings, place),
            now_to=old[place],
            new_to=None if left_out else new[place],
        )


def _outcome(standings: Rows, place: int) -> str:
    state, answer = int(standings["state"][place]), int(standings["answer"][place])
    if state != _RETIRED:
        return _OPEN[state]
    return "no answer" if answer == NO_ANSWER else Answer(answer).word


def _errors(replay: _Replay, gathered: Gathered, name: str, of: AttributesOf) -> tuple[Errors, Errors]:
    """Return the error to expect now and by the candidate: training subjects are played like others."""
    in_force, twice = replay.in_force, replay.twice[name]
    calibration = in_force.calibration(in_force.ids[name])
    gold = gold_of(gathered, in_force.ids[name], calibration)
    sides = (
        (in_force.cascade.workflow(name), twice.now, _rule_now(in_force, name)),
        (twice.workflow, twice.new, _rule_new(in_force, twice.workflow)),
    )
    now, new = (
        _error(
            workflow, on_gold(play(fresh_gold(gold, workflow, calibration, of), gold.votes, rule), gold.truth), played
        )
        for workflow, played, rule in sides
    )
    return now, new


def _error(workflow: Workflow, counted: tuple[Counted, Counted], played: Played) -> Errors:
    sequential = isinstance(workflow.policy, Sequential)
    of_no, of_yes = counted
    return Errors(
        miss=_gold_error("yes", of_yes, workflow.miss if sequential else None),
        false_alarm=_gold_error("no", of_no, workflow.false_alarm if sequential else None),
        model=by_model(played),
    )


def _gold_error(truth: str, counted: Counted, target: float | None) -> GoldError:
    return GoldError(
        truth=truth,
        subjects=counted.subjects,
        of=counted.retired,
        wrong=counted.wrong,
        unanswered=counted.unanswered,
        low=counted.low,
        high=counted.high,
        target=target,
        enough=None if target is None else enough_for(target),
    )


def _without_votes(replay: _Replay) -> Iterator[NotPlayed]:
    for workflow in replay.candidate.workflows:
        if workflow.name not in replay.twice:
            asked = workflow.name in replay.in_force.ids
            why = "asks another question, so no votes count for it" if asked else "is new, and has no votes"
            yield NotPlayed(workflow.name, why, arriving=len(replay.new.strangers[workflow.name]))


def _closed(replay: _Replay) -> Iterator[NotPlayed]:
    for name, played in replay.before.items():
        if name not in replay.twice:
            yield NotPlayed(name, "is closed as it is asked now", withdrawn=int((~played.retired).sum()))


def _budget(replay: _Replay, total: float | None) -> Budget | None:
    """Return how misses are best divided between the sequential stages that lead from yes to yes."""
    line = [replay.twice[each] for each in _yes_line(replay.candidate) if each in replay.twice]
    stages = [each for each in line if isinstance(each.workflow.policy, Sequential)]
    if len(stages) < 2 or any(not len(each.case.votes) for each in stages):
        return None
    declared = [each.workflow.miss for each in stages]
    total = max(declared) if total is None else total
    reaching = [max(int(_comes(replay, each.workflow.name)[0].sum()), 1) for each in stages]
    shares = [each / max(len(replay.everybody), 1) for each in reaching]
    return Budget(
        total=total,
        declared_total=float(1 - np.prod([1 - miss for miss in declared])),
        stages=[each.workflow.name for each in stages],
        declared=declared,
        advised=split_budget(total, shares, [each.told.no for each in stages]),
    )


def _yes_line(cascade: Cascade) -> Iterator[str]:
    """Yield the workflows that a subject meets which is always answered with yes, doors aside."""
    name: str | None = cascade.entry.name
    while name is not None:
        yield name
        name = cascade.workflow(name).then.yes
