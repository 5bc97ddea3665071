"""Workflows that are finished: nothing in them is undecided, and nothing undecided can come to them any more.

A workflow is looked at together with all from which edges lead to it, however many steps away. Gold and withdrawn
subjects are on no pile and hold nothing up, nor do audits; and while subjects have yet to follow a new version of the
cascade, nothing of its project is finished. New subjects in any of these workflows begin it anew, and it is announced
again when they are decided.
"""

from collections.abc import Iterator

from api.services.published import Published, PublishedCascades
from api.store.engine import Connection
from api.store.finishing import FinishingStore


class Finishing:
    """Looks for workflows that are finished."""

    def __init__(self, published: PublishedCascades) -> None:
        self._published = published

    async def look(self, connection: Connection) -> int:
        """Announce the workflows that have finished since the last look, by any worker; return how many."""
        store = FinishingStore(connection)
        pairs: list[tuple[int, int]] = []
        for version_id in await store.settled_versions():
            pairs += _sources(await self._published.get(connection, version_id))
        return await store.finish([pair[0] for pair in pairs], [pair[1] for pair in pairs]) if pairs else 0


def _sources(published: Published) -> Iterator[tuple[int, int]]:
    """Yield each workflow with every one from which subjects may come to it, itself among them."""
    sources: dict[str, set[str]] = {workflow.name: {workflow.name} for workflow in published.cascade.workflows}
    for workflow in sorted(published.cascade.workflows, key=lambda each: published.cascade.rank(each.name)):
        for target in workflow.targets:
            sources[target] |= sources[workflow.name]
    for name, found in sources.items():
        yield from ((published.ids[name], published.ids[source]) for source in sorted(found))
