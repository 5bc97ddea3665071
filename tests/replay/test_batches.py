"""Batches hold every vote, overlap, and come in an order of their own."""

from collections import Counter

import numpy as np
import pytest

from api.replay.batches import Batch, cut

WORKERS = np.array([0] * 57 + [1] * 3 + [2] * 240, dtype=np.int64)


def some_batches(times: int = 1, size: int = 20, seed: int = 7) -> list[Batch]:
    return cut(WORKERS, size, times, np.random.default_rng(seed))


@pytest.mark.parametrize("size", [1, 2, 5, 20, 100])
def test_every_vote_is_in_a_batch_of_its_own_worker_and_none_is_twice_in_one(size: int) -> None:
    batches = some_batches(size=size)

    assert {vote for batch in batches for vote in batch.votes} == set(range(len(WORKERS)))
    assert all(WORKERS[vote] == batch.worker for batch in batches for vote in batch.votes)
    assert all(1 <= len(set(batch.votes)) == len(batch.votes) <= size for batch in batches)


def test_batches_overlap_and_some_are_sent_again_in_part() -> None:
    sent = Counter(vote for batch in some_batches() for vote in batch.votes)

    assert 1.15 < sent.total() / len(WORKERS) < 1.6
    assert max(sent.values()) >= 3


def test_twice_is_every_vote_at_least_twice_and_the_second_pass_begins_before_the_first_ends() -> None:
    batches = some_batches(times=2)
    places: dict[int, list[int]] = {}
    for place, batch in enumerate(batches):
        for vote in batch.votes:
            places.setdefault(vote, []).append(place)

    assert all(len(found) >= 2 for found in places.values())
    assert min(found[1] for found in places.values()) < max(found[0] for found in places.values())


def test_the_seed_decides_the_order() -> None:
    assert some_batches(seed=1) == some_batches(seed=1)
    assert some_batches(seed=1) != some_batches(seed=2)
