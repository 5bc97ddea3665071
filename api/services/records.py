"""Records: what people have shown in a project, as the rules of levels look at it, and as moderators do.

The counts are those that weigh votes, so they begin anew where somebody's record was dropped. The last answers, and
those since a moment, are read from the cards that carry them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from api.services.published import Published
from api.store.records import Counts, GoldAnswer, RecordStore, TrainingCounts
from cascade.vocabulary import Answer
from gamification.levels import LAST, SIDES, Judgement, Missing, Record, Rule, Side, Training
from gamification.progress import LOW, MEDIAN, Answered, right_share

HIGH: Final = 0.95
DIGITS: Final = 4
EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before every answer."""

_NO_COUNTS: Final = Counts(0, 0, None)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person has shown: the record, and the last answers with the ones before, the newest first, by workflow."""

    record: Record = field(default_factory=Record)
    answers: Mapping[str, Sequence[GoldAnswer]] = field(default_factory=dict)
    counts: Counts = _NO_COUNTS

    def since(self, moment: datetime) -> Record:
        """Return the record with only those of the last answers that came after a moment."""
        return replace(
            self.record,
            training={
                name: replace(training, last=_in_order(a for a in self.answers.get(name, ()) if a.at > moment))
                for name, training in self.record.training.items()
            },
        )


def workflows_of(published: Published | None) -> Mapping[int, str]:
    """Return the active workflows of a cascade by number, in its order."""
    if published is None:
        return {}
    numbers = sorted(published.rule_of, key=published.rule_of.__getitem__)
    return {number: published.names[number] for number in numbers}


async def read_shown(
    store: RecordStore,
    project_id: int,
    workflows: Mapping[int, str],
    persons: Sequence[int],
    *,
    answers_of: Sequence[int],
) -> dict[int, Shown]:
    """Return what persons have shown; with their last answers where these are wanted, which reads their cards."""
    trained = await store.training(persons, list(workflows))
    counts = await store.counts(project_id, persons)
    gold = await store.last_gold([(person, EVER) for person in answers_of], list(workflows), 2 * LAST)
    training = {person: {name: Training() for name in workflows.values()} for person in persons}
    for each in trained:
        training[each.person_id][workflows[each.workflow_id]] = _training(each)
    answers = _by_workflow(gold, workflows)
    return {
        person: _shown(training[person], answers.get(person, {}), counts.get(person, _NO_COUNTS)) for person in persons
    }


async def read_record_since(
    store: RecordStore, workflows: Mapping[int, str], person: int, moment: datetime, shown: Shown
) -> Record:
    """Return the record of a person as if their training had begun at a moment."""
    gold = await store.last_gold([(person, moment)], list(workflows), _ALL)
    answers = _by_workflow(gold, workflows).get(person, {})
    return replace(
        shown.record,
        training={
            name: Training(
                no=_answered(a for a in answers.get(name, ()) if a.truth == Answer.NO),
                yes=_answered(a for a in answers.get(name, ()) if a.truth == Answer.YES),
                last=_in_order(answers.get(name, ())),
            )
            for name in workflows.values()
        },
    )


_ALL: Final = 1_000_000


def _shown(training: Mapping[str, Training], answers: Mapping[str, Sequence[GoldAnswer]], counts: Counts) -> Shown:
    complete = {name: replace(each, last=_in_order(answers.get(name, ()))) for name, each in training.items()}
    return Shown(Record(complete, counts.votes, counts.days), answers, counts)


def _training(counts: TrainingCounts) -> Training:
    return Training(
        no=Answered(counts.no_no, counts.no_yes, counts.no_unsure),
        yes=Answered(counts.yes_yes, counts.yes_no, counts.yes_unsure),
    )


def _by_workflow(gold: Iterable[GoldAnswer], workflows: Mapping[int, str]) -> dict[int, dict[str, list[GoldAnswer]]]:
    found: dict[int, dict[str, list[GoldAnswer]]] = defaultdict(lambda: defaultdict(list))
    for answer in gold:
        found[answer.person_id][workflows[answer.workflow_id]].append(answer)
    return found


def _answered(answers: Iterable[GoldAnswer]) -> Answered:
    """Count answers under one truth."""
    said = [(each.answer, each.truth) for each in answers]
    right = sum(answer == truth for answer, truth in said)
    unsure = sum(answer == Answer.UNSURE for answer, _ in said)
    return Answered(right, len(said) - right - unsure, unsure)


def _side(answer: GoldAnswer) -> Side:
    return SIDES[answer.truth]


def _in_order(newest_first: Iterable[GoldAnswer]) -> tuple[tuple[Side, bool], ...]:
    """Return answers as the rules look at them: the oldest first, each with its truth and whether it was right."""
    return tuple((_side(each), each.answer == each.truth) for each in reversed(list(newest_first)))


def evidence_view(
    record: Record, published: Published | None, rule: Rule | None, judgement: Judgement | None
) -> dict[str, Any]:
    """Return a record as the contract has it (`mobile_schemas.levels.LevelEvidenceOut`), held against a rule."""
    return {
        "workflows": [_skill_view(name, record.of(name)) for name in workflows_of(published).values()],
        "votes": record.votes,
        "days": record.days,
        "talk": record.talk,
        "version": None if published is None else published.number,
        "rule": None if rule is None else rule_view(rule),
        "missing": None if judgement is None else missing_views(judgement.missing),
        "failed": None if judgement is None else missing_views(judgement.failed),
    }


def rule_view(rule: Rule) -> dict[str, Any]:
    """Return a rule as the contract has it."""
    return {
        "level": rule.level,
        "workflows": list(rule.workflows),
        "skill": rule.skill,
        "keep": rule.keep,
        "gold": rule.gold,
        "votes": rule.votes,
        "days": rule.days,
        "talk": rule.talk,
        "automatic": rule.automatic,
    }


def missing_views(missing: Sequence[Missing]) -> list[dict[str, Any]]:
    """Return what is missing as the contract has it."""
    return [
        {
            "what": each.what,
            "have": round(each.have, DIGITS),
            "need": each.need,
            "workflow": each.workflow,
            "side": each.side,
            "recent": each.recent,
        }
        for each in missing
    ]


def gold_seen(evidence: Mapping[str, Any], workflows: Sequence[str]) -> int:
    """Return how many training answers in some workflows a view of evidence counts."""
    views = [view for view in evidence["workflows"] if view["workflow"] in workflows]
    return sum(view[side]["seen"] for view in views for side in SIDES)


def _skill_view(name: str, training: Training) -> dict[str, Any]:
    return {"workflow": name, **{side: _side_view(training, side) for side in SIDES}}


def _side_view(training: Training, side: Side) -> dict[str, Any]:
    answered = training.side(side)
    low, median, high = (round(right_share(answered, q), DIGITS) for q in (LOW, MEDIAN, HIGH))
    last, before = (_tally(part, side) for part in (training.last[-LAST:], training.last[-2 * LAST : -LAST]))
    return {
        "right": answered.right,
        "seen": answered.seen,
        "low": low,
        "median": median,
        "high": high,
        "last": last,
        "before": before,
        "trend": _trend(last, before),
    }


def _tally(answers: Sequence[tuple[Side, bool]], side: Side) -> dict[str, int]:
    fine = [right for truth, right in answers if truth == side]
    return {"right": sum(fine), "seen": len(fine)}


def _trend(last: Mapping[str, int], before: Mapping[str, int]) -> float | None:
    if not last["seen"] or not before["seen"]:
        return None
    return round(last["right"] / last["seen"] - before["right"] / before["seen"], DIGITS)
