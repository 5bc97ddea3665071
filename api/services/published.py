"""Published cascades, as the services use them: parsed once, kept for ever, since a version never changes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from api.declaration_file import load
from api.store.cascades import read_version
from api.store.engine import Connection
from cascade.decision import rules_of
from cascade.graph import Attributes, Cascade, ScorePrior, Workflow
from cascade.skill import MICRO

MACHINE_CLIP = 5 * MICRO // 2
"""The most that a machine score may weigh as a prior, in micro-nats of log-odds."""


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a project's cascade with the numbers of its workflows."""

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

    def workflow(self, workflow_id: int) -> Workflow:
        """Return the declaration of a workflow of this version."""
        return self.cascade.workflow(self.names[workflow_id])


class PublishedCascades:
    """The versions that this process has met."""

    def __init__(self) -> None:
        self._versions: dict[int, Published] = {}

    async def get(self, connection: Connection, version_id: int) -> Published:
        """Return a version, read on first use."""
        found = self._versions.get(version_id)
        if found is None:
            found = self._versions[version_id] = await self._read(connection, version_id)
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
            looks=any(w.when is not None or isinstance(w.prior, ScorePrior) for w in cascade.workflows),
        )


def prior_of(workflow: Workflow, attributes: Attributes) -> tuple[int, bool]:
    """Return the prior log-odds of a subject in a workflow in micro-nats, and whether a machine gave it.

    A machine's score is clipped to 2.5 nats; a subject without one starts even.
    """
    if not isinstance(workflow.prior, ScorePrior):
        return _logit(workflow.prior), False
    score = attributes.scores.get(workflow.prior.score)
    if score is None:
        return 0, False
    return max(-MACHINE_CLIP, min(MACHINE_CLIP, _logit(min(max(score, 1e-9), 1 - 1e-9)))), True


def _logit(share: float) -> int:
    return round(math.log(share / (1 - share)) * MICRO)
