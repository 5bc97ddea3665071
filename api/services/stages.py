"""Subjects in their workflows, from lock to write, with all that follows when one is decided.

Voting and taking back a vote share this: both lock stages, let the engine change their standings, and settle the
difference: sums and states, the piles that dealing reads, labels, and the next stages along the cascade.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from api.services.priors import attributes_of, prior_of
from api.services.published import Published
from api.store.ballot import BallotStore
from cascade.decision import RULE, STANDING, need
from cascade.graph import Attributes, ScorePrior
from cascade.standing import log_odds_by
from cascade.vocabulary import NO_ANSWER, Answer, Reason, StageState, Tier

StageKey = tuple[int, int]
Rows = NDArray[np.void]
Integers = NDArray[np.int64]

_FIELDS = len(STANDING.names or ())
_NOT_WRITTEN = frozenset({"prior", "machine", "draw"})
"""What is fixed when a stage begins."""

_WRITTEN = tuple(name for name in STANDING.names or () if name not in _NOT_WRITTEN)
_NO_TIER = -1
_DRAWS = 2**31


@dataclass(slots=True)
class Stages:
    """Locked stages: (workflow, subject) keys in sorted order, and what is known of each."""

    keys: list[StageKey]
    place: dict[StageKey, int]
    standings: Rows
    revisions: list[int]
    landed: list[int]
    excluded: list[int]

    @classmethod
    async def lock(cls, store: BallotStore, keys: Iterable[StageKey]) -> Self:
        """Lock those stages that exist."""
        wanted = sorted(set(keys))
        rows = await store.lock_stages([key[0] for key in wanted], [key[1] for key in wanted]) if wanted else {}
        places = sorted(rows)
        found = [wanted[place] for place in places]
        return cls(
            keys=found,
            place={key: number for number, key in enumerate(found)},
            standings=np.array([rows[place][:_FIELDS] for place in places], dtype=STANDING),
            revisions=[rows[place][_FIELDS] for place in places],
            landed=[0] * len(found),
            excluded=[0] * len(found),
        )

    def only(self, places: Integers) -> "Stages":
        """Return some of them."""
        chosen = places.tolist()
        keys = [self.keys[place] for place in chosen]
        return Stages(
            keys=keys,
            place={key: number for number, key in enumerate(keys)},
            standings=self.standings[places],
            revisions=[self.revisions[place] for place in chosen],
            landed=[self.landed[place] for place in chosen],
            excluded=[self.excluded[place] for place in chosen],
        )


@dataclass(frozen=True, slots=True)
class _Retirement:
    """A stage that this transaction retired."""

    place: int
    workflow_id: int
    subject_id: int
    answer: int
    reason: int


async def settle(
    store: BallotStore, dice: random.Random, stages: Stages, after: Rows, version_of: Mapping[int, Published]
) -> None:
    """Write what the engine made of locked stages, and follow up on those that retired.

    `version_of` names the version in force for each workflow; the standings `after` belong to the stages by place.
    """
    if not stages.keys:
        return
    await store.write_stages(_stage_columns(stages, after, version_of))
    old, new = tiers(stages.standings), tiers(after)
    changed = np.flatnonzero(old != new)
    retired = _retirements(stages, after)
    if not len(changed) and not retired:
        return
    attributes = await _attributes(store, retired, version_of)
    routes = {r.place: _route(version_of[r.workflow_id], r, attributes.get(r.subject_id)) for r in retired}
    await store.follow_up(
        _pile_columns(stages, changed[old[changed] != _NO_TIER], old),
        _pile_columns(stages, changed[new[changed] != _NO_TIER], new),
        _label_columns(stages, after, retired, version_of, routes, attributes),
        _entering_columns(dice, stages, retired, version_of, routes, attributes),
    )


def reasons(stages: Stages, after: Rows) -> list[str]:
    """Return for each stage that the engine retired just now why it did, in Panoptes' words."""
    return [Reason(retirement.reason).word for retirement in _retirements(stages, after)]


def _retirements(stages: Stages, after: Rows) -> list[_Retirement]:
    newly = (after["state"] == StageState.RETIRED) & (stages.standings["state"] != StageState.RETIRED)
    return [
        _Retirement(place, *stages.keys[place], int(after["answer"][place]), int(after["reason"][place]))
        for place in np.flatnonzero(newly).tolist()
    ]


def _stage_columns(stages: Stages, after: Rows, version_of: Mapping[int, Published]) -> list[list[int]]:
    retired = (after["state"] == StageState.RETIRED) & (stages.standings["state"] != StageState.RETIRED)
    versions = [version_of[workflow] for workflow, _ in stages.keys]
    return [
        [key[0] for key in stages.keys],
        [key[1] for key in stages.keys],
        *(after[name].tolist() for name in _WRITTEN),
        _needs(stages, after, versions).tolist(),
        stages.landed,
        stages.excluded,
        retired.astype(np.int64).tolist(),
        [version.version_id for version in versions],
    ]


def _needs(stages: Stages, after: Rows, versions: list[Published]) -> Integers:
    """Return how many cards each stage wants on their way; none where the workflow is no longer asked."""
    needs = np.zeros(len(after), dtype=np.int64)
    for version in {v.version_id: v for v in versions}.values():
        places = [n for n, key in enumerate(stages.keys) if versions[n] is version and key[0] in version.rule_of]
        rules = np.array([version.rule_of[stages.keys[n][0]] for n in places], dtype=np.int64)
        needs[places] = need(after[places], version.rules, rules)
    return np.minimum(needs, 1000)


def tiers(standings: Rows) -> Integers:
    """Return the pile that each stage is dealt from, or -1 if it is not dealt."""
    opened = np.where((standings["machine"] == 1) & (standings["prior"] > 0), Tier.LIKELY, Tier.ORDINARY)
    audited = (standings["state"] == StageState.RETIRED) & (standings["audit_open"] == 1)
    return np.select(
        [standings["state"] == StageState.OPEN, standings["state"] == StageState.CONTESTED, audited],
        [opened, np.int64(Tier.CONTESTED), np.int64(Tier.AUDIT)],
        np.int64(_NO_TIER),
    )


def _pile_columns(stages: Stages, places: Integers, tier: Integers) -> list[list[int]]:
    keys = [stages.keys[place] for place in places.tolist()]
    draws = stages.standings["draw"][places].tolist()
    return [[key[0] for key in keys], tier[places].tolist(), draws, [key[1] for key in keys]]


async def _attributes(
    store: BallotStore, retired: list[_Retirement], version_of: Mapping[int, Published]
) -> dict[int, Attributes]:
    """Return metadata and scores of the retired subjects whose cascade looks at them."""
    looked_at = sorted({r.subject_id for r in retired if version_of[r.workflow_id].looks})
    if not looked_at:
        return {}
    found = await store.read_attributes(looked_at)
    return {number: attributes_of(*texts) for number, texts in found.items()}


def _route(published: Published, retired: _Retirement, attributes: Attributes | None) -> str | None:
    answer = None if retired.answer == NO_ANSWER else Answer(retired.answer)
    return published.cascade.route(
        published.names[retired.workflow_id], answer, attributes or Attributes(), Reason(retired.reason)
    )


def _label_columns(
    stages: Stages,
    after: Rows,
    retired: list[_Retirement],
    version_of: Mapping[int, Published],
    routes: Mapping[int, str | None],
    attributes: Mapping[int, Attributes],
) -> list[list[object]]:
    places = [r.place for r in retired]
    rows = after[places]
    counted = np.sum([rows[f"{who}_{answer.word}"] for who in "nu" for answer in Answer], axis=0)
    versions = [version_of[r.workflow_id] for r in retired]
    return [
        [r.workflow_id for r in retired],
        [r.subject_id for r in retired],
        [stages.revisions[place] + 1 for place in places],
        [version.project_id for version in versions],
        [r.answer for r in retired],
        [r.reason for r in retired],
        log_odds_by(rows, _rules(retired, versions)).tolist(),
        counted.tolist(),
        [version.version_id for version in versions],
        [routes[place] for place in places],
        [_machine_score(v, r, attributes.get(r.subject_id)) for v, r in zip(versions, retired, strict=True)],
        [version.calibration(r.workflow_id).revision for version, r in zip(versions, retired, strict=True)],
    ]


def _rules(retired: list[_Retirement], versions: list[Published]) -> Rows:
    rules = [version.rules[version.rule_of[r.workflow_id]] for version, r in zip(versions, retired, strict=True)]
    return np.array(rules, dtype=RULE)


def _machine_score(published: Published, retired: _Retirement, attributes: Attributes | None) -> float | None:
    prior = published.workflow(retired.workflow_id).prior
    return attributes.scores.get(prior.score) if isinstance(prior, ScorePrior) and attributes else None


def _entering_columns(
    dice: random.Random,
    stages: Stages,
    retired: list[_Retirement],
    version_of: Mapping[int, Published],
    routes: Mapping[int, str | None],
    attributes: Mapping[int, Attributes],
) -> list[list[int]]:
    """Return the next stage of each subject that moves on, and where it comes from, column by column."""
    columns: list[list[int]] = [[] for _ in range(11)]
    for r in retired:
        target, published = routes[r.place], version_of[r.workflow_id]
        if target is None:
            continue
        row = first_standing(published, target, attributes.get(r.subject_id, Attributes()), dice.randrange(_DRAWS))
        left = (published.project_id, r.workflow_id, stages.revisions[r.place] + 1)
        values = (published.ids[target], r.subject_id, *row, *left)
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return columns


def first_standing(
    published: Published, workflow: str, attributes: Attributes, draw: int
) -> tuple[int, int, int, int, int, int]:
    """Return the prior (micro-nats), whether a machine gave it, the draw and the need of a stage that begins.

    With the numbers of the version and of the calibration that this is by: the columns of `BallotStore.enter_stages`.
    """
    number = published.ids[workflow]
    calibration = published.calibration(number)
    prior, machine = prior_of(published.cascade.workflow(workflow), attributes, calibration, draw)
    rule: tuple[int, ...] = published.rules[published.rule_of[number]].item()
    need_at_first = _first_need(rule, prior, machine)
    return prior, int(machine), draw, need_at_first, published.version_id, calibration.revision


@lru_cache(maxsize=4096)
def _first_need(rule: tuple[int, ...], prior: int, machine: bool) -> int:
    standing = np.zeros(1, dtype=STANDING)
    standing["prior"], standing["machine"] = prior, machine
    return int(need(standing, np.array([rule], dtype=RULE), np.zeros(1, dtype=np.int64))[0])
