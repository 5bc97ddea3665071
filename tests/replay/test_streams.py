"""A stream holds the log's votes, with gold drawn evenly, early, and hidden from nobody but as gold."""

from dataclasses import replace

import numpy as np
import pytest

from api.replay.arms import DRIFTING, TARGETED, drifting, spammed
from api.replay.streams import Stream, draw
from tests.replay.crowds import a_crowd, a_stream


def votes_of(stream: Stream) -> list[tuple[int, int, int]]:
    return sorted(zip(stream.subject.tolist(), stream.volunteer.tolist(), stream.answer.tolist(), strict=True))


def test_a_stream_is_the_log_in_another_order_and_the_same_for_the_same_seed() -> None:
    log = a_crowd()

    streams = [draw(log, 0.1, np.random.default_rng(seed)) for seed in (3, 3, 4)]

    everything = sorted(zip(log.subject.tolist(), log.volunteer.tolist(), log.answer.tolist(), strict=True))
    assert [votes_of(stream) for stream in streams] == [everything] * 3
    assert streams[0].subject.tolist() == streams[1].subject.tolist() != streams[2].subject.tolist()


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.01, 3), (0.2, 8)])
def test_each_answer_has_its_share_of_gold_and_three_at_least(share: float, expected: int) -> None:
    log = replace(a_crowd(), truth=np.arange(80) % 2)

    stream = draw(log, share, np.random.default_rng(1))

    assert [int((stream.gold & (stream.truth == answer)).sum()) for answer in (0, 1)] == [expected, expected]


def test_gold_comes_early_to_each_volunteer() -> None:
    stream = draw(a_crowd(subjects=400), 0.1, np.random.default_rng(1))

    mine = stream.on_gold[stream.volunteer == 0]

    assert mine[:40].mean() > 3 * mine[100:].mean()


def test_what_is_known_of_a_volunteer_is_what_their_gold_showed_before() -> None:
    stream = a_stream("0 2 y", "0 0 y", "1 2 n", "0 1 y", "1 0 n", "0 3 n", "1 3 y", truth="ynyn", gold="gg  ")

    counts = stream.gold_counts.reshape(-1, 6).tolist()

    assert stream.live.tolist() == [0, 2, 5, 6]
    assert counts == [[0] * 6, [0] * 6, [0, 1, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0]]
    assert stream.records.take(stream.record[stream.live]).counts.reshape(-1, 6).tolist() == counts
    assert stream.records_at(5).counts.reshape(-1, 6).tolist() == counts[2:]


def test_throwaway_accounts_are_new_lie_once_and_come_before_anybody_else() -> None:
    stream = draw(a_crowd(), 0.1, np.random.default_rng(1))

    attacked, targets = spammed(stream, 6, np.random.default_rng(2))

    new = attacked.volunteer >= stream.volunteers
    judged = (~stream.gold).sum()
    assert len(targets) == round(TARGETED * judged)
    assert sorted(attacked.volunteer[new]) == list(range(stream.volunteers, stream.volunteers + 6 * len(targets)))
    assert (attacked.answer[new] == 1 - attacked.truth[attacked.subject[new]]).all()
    for target in targets:
        assert new[attacked.subject == target].tolist() == [True] * 6 + [False] * 9
    assert votes_of(replace(attacked, subject=attacked.subject[~new], volunteer=attacked.volunteer[~new],
                            answer=attacked.answer[~new])) == votes_of(stream)  # fmt: skip


def test_half_of_the_volunteers_drift_in_the_second_half_of_their_votes() -> None:
    stream = draw(a_crowd(subjects=400, right=1.0), 0.1, np.random.default_rng(1))

    drifted = drifting(stream, np.random.default_rng(2))

    wrong = drifted.answer != stream.truth[stream.subject]
    halves = [np.array_split(wrong[stream.volunteer == who], 2) for who in range(stream.volunteers)]
    assert sum(bool(second.any()) for _, second in halves) == round(DRIFTING * stream.volunteers)
    assert not any(first[:-1].any() for first, _ in halves)
