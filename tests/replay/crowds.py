"""Logs and streams with known answers."""

import numpy as np

from api.replay.streams import Ballots, Stream
from cascade.vocabulary import Answer

WORDS = {"y": Answer.YES, "n": Answer.NO, "?": Answer.UNSURE}


def a_stream(*votes: str, truth: str, gold: str = "", score: tuple[float, ...] = ()) -> Stream:
    """Return a stream of votes such as `0 1 y`: volunteer 0 says yes of subject 1; the rest is by subject."""
    given = np.array([(int(who), int(what), WORDS[said]) for who, what, said in map(str.split, votes)])
    size = len(truth)
    return Stream(
        given[:, 1],
        given[:, 0],
        given[:, 2],
        np.array([{"y": 1, "n": 0}.get(each, -1) for each in truth]),
        np.array(score or (np.nan,) * size),
        np.array([each == "g" for each in gold.ljust(size)]),
        int(given[:, 0].max()) + 1,
    )


def a_crowd(
    subjects: int = 80, volunteers: int = 12, votes: int = 9, right: float = 0.8, seed: int = 1, unknown: int = 0
) -> Ballots:
    """Return a log in which volunteers are right as often on both truths; of the last `unknown` subjects no truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=subjects)
    subject = np.repeat(np.arange(subjects), votes)
    volunteer = np.concatenate([rng.permutation(volunteers)[:votes] for _ in range(subjects)])
    answer = np.where(rng.random(len(subject)) < right, truth[subject], 1 - truth[subject])
    known = np.where(np.arange(subjects) < subjects - unknown, truth, -1)
    return Ballots(subject, volunteer, answer, known, np.full(subjects, np.nan), volunteers)
