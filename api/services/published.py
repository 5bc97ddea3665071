"""Published cascades, as the services use them: parsed once, kept for ever, since a version never changes.

What a refit has learnt comes beside a version, as a calibration of each workflow: together they give the rules and the
priors in force. A calibration never changes either, but there is a new one every hour: only the newest that this
process has met are kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from api.declaration_file import load
from api.services import level_rules
from api.store.calibrations import CalibrationValues, read_calibrations, revisions_in_force
from api.store.cascades import read_version
from api.store.engine import Connection
from cascade.calibration import UNCALIBRATED, Calibration
from cascade.decision import rules_of
from cascade.graph import Cascade, ScorePrior, Workflow
from cascade.score import from_json
from gamification.levels import Rule

Revisions = Mapping[int, int]
"""The calibration in force of each workflow that has one, by number."""

NONE: Final[Revisions] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a project's cascade with the numbers of its workflows.

    `calibrations` is what refits have learnt, by workflow; `rules` and priors follow it.
    """

    version_id: int
    number: int
    project_id: int
    cascade: Cascade
    names: Mapping[int, str]
    ids: Mapping[str, int]
    rules: NDArray[Any]
    rule_of: Mapping[int, int]
    looks: bool
    """Whether anything in the cascade looks at metadata or scores."""
    levels: tuple[Rule, ...] = ()
    """What levels ask for, from the lowest up."""
    calibrations: Mapping[int, Calibration] = field(default_factory=dict)

    def workflow(self, workflow_id: int) -> Workflow:
        """Return the declaration of a workflow of this version."""
        return self.cascade.workflow(self.names[workflow_id])

    def calibration(self, workflow_id: int) -> Calibration:
        """Return what refits have learnt of a workflow."""
        return self.calibrations.get(workflow_id, UNCALIBRATED)


LevelRules = Callable[[Cascade], tuple[Rule, ...]]
"""Finds what the levels of a cascade ask for."""


class PublishedCascades:
    """The versions that this process has met."""

    def __init__(self, levels: LevelRules = level_rules.rules_of) -> None:
        self.levels_of = levels
        self._versions: dict[int, Published] = {}
        self._newest: dict[int, tuple[Revisions, Published]] = {}

    async def get(self, connection: Connection, version_id: int, revisions: Revisions = NONE) -> Published:
        """Return a version, read on first use, with these calibrations; without any it has the declared rules."""
        version = self._versions.get(version_id)
        if version is None:
            version = self._versions[version_id] = await self._read(connection, version_id)
        return version if not revisions else await self._calibrated(connection, version, revisions)

    async def in_force(self, connection: Connection, version_id: int) -> Published:
        """Return a version with the calibrations in force."""
        return await self.get(connection, version_id, await revisions_in_force(connection, version_id))

    async def _calibrated(self, connection: Connection, version: Published, revisions: Revisions) -> Published:
        wanted = {number: revision for number, revision in revisions.items() if number in version.names}
        known, found = self._newest.get(version.version_id, (NONE, version))
        if known != wanted:
            stored = await read_calibrations(connection, wanted)
            found = _with(version, {each.workflow_id: calibration_of(each) for each in stored})
            self._newest[version.version_id] = wanted, found
        return found

    async def _read(self, connection: Connection, version_id: int) -> Published:
        version = await read_version(connection, version_id)
        cascade = load(version.declaration)
        ids = version.workflow_ids
        return Published(
            version_id=version_id,
            number=version.number,
            project_id=version.project_id,
            cascade=cascade,
            names={number: name for name, number in ids.items()},
            ids=ids,
            rules=rules_of(cascade.workflows),
            rule_of={ids[workflow.name]: place for place, workflow in enumerate(cascade.workflows)},
            levels=self.levels_of(cascade),
            looks=any(w.when is not None or isinstance(w.prior, ScorePrior) for w in cascade.workflows),
        )


def calibration_of(stored: CalibrationValues) -> Calibration:
    """Return a stored calibration as the engine has it."""
    return Calibration(
        revision=stored.revision,
        prior=np.array(stored.prior, dtype=np.int64).reshape(2, 3),
        prevalence=stored.prevalence,
        hard=stored.hard,
        accept=stored.accept,
        reject=stored.reject,
        proven=stored.proven,
        scores=from_json(stored.scores),
    )


def _with(version: Published, calibrations: Mapping[int, Calibration]) -> Published:
    by_name = {version.names[number]: calibration for number, calibration in calibrations.items()}
    return replace(version, calibrations=calibrations, rules=rules_of(version.cascade.workflows, by_name))
