"""The label feed: what the workflows concluded, for researchers, in the order in which it was announced.

A cursor is a position that the sequencer gave, so who follows it gets every revision of every label once. What a
revision concluded never changes; the counts of excluded and late votes are those of its subject by now.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from api.caller import Caller
from api.errors import NotAllowedError, UnknownProjectError
from api.services.reachable import reachable
from api.services.sequencing import sequence
from api.store.engine import Pool
from api.store.labels import Label, LabelStore
from cascade.standing import p_yes
from cascade.vocabulary import NO_ANSWER, Answer, Reason
from mobile_schemas.subjects import subject_id


class Labels:
    """Shows labels."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def page(self, caller: Caller, slug: str, after: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Return up to `limit` labels after a cursor, and the cursor to go on from: the same one when there are none.

        What is committed and waits for its position gets one first, so the feed is whole without a worker.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is not one of its researchers'.
        """
        async with self._pool.acquire() as connection:
            store = LabelStore(connection)
            project_id = await store.find_project(slug, caller.sight)
            if project_id is None:
                raise UnknownProjectError(slug)
            if not caller.researches(project_id):
                raise NotAllowedError(f"the labels of {slug} are for its researchers; this token is not one of theirs")
            await sequence(connection)
            labels = await store.page(project_id, after, limit)
        views = [{"cursor": label.position} | view for label, view in zip(labels, label_views(labels), strict=True)]
        return views, labels[-1].position if labels else after


def label_views(labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Return labels as the contract has them (`mobile_schemas.labels.LabelOut`), without the cursor."""
    probabilities = p_yes(np.array([label.log_odds for label in labels], dtype=np.int64)).tolist()
    return [_view(label, probability) for label, probability in zip(labels, probabilities, strict=True)]


def _view(label: Label, probability: float) -> dict[str, Any]:
    return {
        "revision": label.revision,
        "subject": subject_id(label.subject_id),
        "external_id": label.external_id,
        "workflow": label.workflow_id,
        "workflow_name": label.workflow_name,
        "version": label.version,
        "label": None if label.answer == NO_ANSWER else Answer(label.answer).word,
        "reason": Reason(label.reason).word,
        "p_yes": probability,
        "counted": label.votes,
        "excluded": label.excluded,
        "late": label.late,
        "machine_score": label.machine_score,
        "first_vote_at": label.first_vote_at,
        "last_vote_at": label.last_vote_at,
        "retired_at": label.retired_at,
        "made_at": label.made_at,
        "routed_to": label.routed_to,
        "author": label.author,
        "why": label.why,
    }
