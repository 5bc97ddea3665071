"""The policies that ours is compared with, each played over a stream, and swept from lax to strict.

`count`            the majority of k votes
`lead`             until one answer leads by m
`first-two-agree`  until m votes say the same (Willi et al. 2018)
`willi`            the same, where a machine's call counts as a vote (Willi et al. 2018)
`swap`             Bayes' rule with each volunteer's record on gold (Marshall et al. 2016)
`gravity-spy`      the mean of what each vote says by its volunteer's confusion matrix (Zevin et al. 2017)
`oracle`           ours, if it knew how each volunteer answers in the whole log, and how common yes is

Sources: P. J. Marshall et al., arXiv:1504.06148; M. Willi et al., doi:10.1111/2041-210X.13099; M. Zevin et al.,
doi:10.1088/1361-6382/aa5cea.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy.special import expit, logit

from api.replay.passages import Outcome, Sweep, first, passage, running
from api.replay.streams import Integers, Reals, Stream
from cascade.skill import CLIP, MICRO, PRIOR
from cascade.standing import if_hard, with_hard
from cascade.vocabulary import Answer

NOMINAL: Final = 0.95
"""The posterior probability at which the policies that have one stop by default."""

BOUNDS: Final = np.concatenate([np.arange(0.05, 4, 0.2), np.arange(4, 14, 0.5)])
"""The log-odds, in nats, over which the bounds of `swap` and `oracle` are swept."""

CERTAINTIES: Final = np.concatenate([np.arange(0.51, 0.99, 0.02), [0.99, 0.995]])
"""The mean posteriors over which `gravity-spy` is swept."""

APART: Final = np.arange(0.25, 9, 0.35)
"""The log-odds, in nats, over which each bound of `oracle` is swept by itself."""

_PRIOR: Final = PRIOR / PRIOR.sum(axis=-1, keepdims=True)


def count(stream: Stream, votes: int = 5) -> Sweep:
    """Play the majority of a number of votes; a tie has no answer."""
    margin = _margin(stream)
    limits = np.unique(np.rint(1.25 ** np.arange(40)).astype(np.int64))
    # The most votes on any subject, gold or not: every shuffle of a log is swept over the same numbers.
    limits = limits[limits <= max(votes, int(np.bincount(stream.subject).max(initial=1)))]
    return Sweep(_counted(stream, margin, votes), tuple(_counted(stream, margin, int(limit)) for limit in limits))


def lead(stream: Stream, by: int = 3) -> Sweep:
    """Play until one answer leads by a number of votes."""
    margin = _margin(stream)

    def play(bound: float) -> Outcome:
        return passage(stream, margin, margin >= bound, margin <= -bound)

    return Sweep(play(by), tuple(play(bound) for bound in range(1, 16)))


def first_two_agree(stream: Stream) -> Sweep:
    """Play until two volunteers say the same; swept over how many must."""
    return _agreeing(stream, np.zeros(len(stream.truth)), np.zeros(len(stream.truth)))


def willi(stream: Stream) -> Sweep:
    """Play until one volunteer and the machine say the same, or two volunteers; without a score, two volunteers."""
    leans = np.where(stream.score >= 0.5, 1.0, np.where(stream.score < 0.5, 0.0, np.nan))
    return _agreeing(stream, np.nan_to_num(leans), np.nan_to_num(1 - leans))


def swap(stream: Stream) -> Sweep:
    """Play Bayes' rule: each volunteer is as often right as on gold so far, with one imagined answer of each kind.

    It begins with the prevalence of the gold, and has no word for unsure, which says nothing. Over eight logs this is
    the strongest of four readings of what is published: with even odds it does not reach the majority's error on
    zencrowd_us, with two imagined answers of each kind not on rte, and elsewhere they differ by a few percent.
    """
    counts = stream.gold_counts[..., :2] + 1
    right = counts / counts.sum(axis=-1, keepdims=True)
    answer = stream.answer[stream.live]
    said = np.minimum(answer, 1)
    rows = np.arange(len(answer))
    worth = np.where(answer == Answer.UNSURE, 0.0, np.log(right[rows, 1, said] / right[rows, 0, said]))
    return _by_odds(stream, running(stream, worth) + _log_odds(stream.truth[stream.gold]))


def gravity_spy(stream: Stream) -> Sweep:
    """Play the mean over the votes of P(yes | that vote), with the prevalence of the gold."""
    counts = stream.gold_counts + 1
    likelihood = counts / counts.sum(axis=-1, keepdims=True)
    given = likelihood[np.arange(len(stream.live)), :, stream.answer[stream.live]]
    known = stream.truth[stream.gold]
    worth = expit(np.log(given[:, 1] / given[:, 0]) + _log_odds(known))
    mean = running(stream, worth) / stream.turn

    def play(certainty: float) -> Outcome:
        return passage(stream, mean - 0.5, mean >= certainty, mean <= 1 - certainty)

    return Sweep(play(NOMINAL), tuple(play(certainty) for certainty in CERTAINTIES.tolist()))


def oracle(stream: Stream) -> Sweep:
    """Play our rule, hard subjects allowed for, by how each volunteer answers where the truth is known.

    It also knows how common *yes* is there.
    """
    return _by_odds(stream, _oracle_odds(stream), minimum=2)


def oracle_apart(stream: Stream) -> Integers:
    """Return what each pair of bounds of `APART` does under `oracle`, (pairs, 3).

    How many subjects it retires, how many true yes as no, and how many true no as yes.
    """
    odds, truth = _oracle_odds(stream), stream.truth[stream.subjects]
    as_yes, as_no = (np.array([first(stream, side >= bound) for bound in APART]) for side in (odds, -odds))
    pairs = []
    for yes_at in as_yes:
        yes, no = yes_at < as_no, as_no < yes_at
        missed, alarms = no & (truth == Answer.YES), yes & (truth == Answer.NO)
        pairs.append(np.stack([(yes | no).sum(axis=1), missed.sum(axis=1), alarms.sum(axis=1)], axis=-1))
    return np.concatenate(pairs)


RIVALS: Final[Mapping[str, Callable[[Stream], Sweep]]] = {
    "count": count,
    "lead": lead,
    "first-two-agree": first_two_agree,
    "swap": swap,
    "gravity-spy": gravity_spy,
    "oracle": oracle,
}
"""The policies that need nothing but votes and gold, by name."""

NUMBERED: Final[Mapping[str, Callable[[Stream, int], Sweep]]] = {"count": count, "lead": lead}
"""Those whose default may be named as a number: `count:7`."""


def _margin(stream: Stream) -> Reals:
    """Return how many more said yes than no."""
    answer = stream.answer[stream.live]
    return running(stream, (answer == Answer.YES) * 1.0 - (answer == Answer.NO) * 1.0)


def _counted(stream: Stream, margin: Reals, votes: int) -> Outcome:
    enough = stream.turn >= votes
    at = np.minimum(stream.starts + votes, stream.starts + stream.sizes) - 1
    played = passage(stream, margin, enough & (margin > 0), enough & (margin < 0))
    tie = margin[at] == 0
    answer = np.where(tie, -1, played.answer)
    return Outcome(stream.turn[at], answer, np.where(tie, -1, played.leaning))


def _agreeing(stream: Stream, yes_before: Reals, no_before: Reals) -> Sweep:
    """Play until enough say the same, where some are counted before the first vote, (n,)."""
    answer, subject = stream.answer[stream.live], stream.subject[stream.live]
    yes = running(stream, (answer == Answer.YES) * 1.0) + yes_before[subject]
    no = running(stream, (answer == Answer.NO) * 1.0) + no_before[subject]

    def play(number: int) -> Outcome:
        return passage(stream, yes - no, yes >= number, no >= number)

    return Sweep(play(2), tuple(play(number) for number in range(2, 13)))


def _by_odds(stream: Stream, odds: Reals, minimum: int = 1) -> Sweep:
    """Play until the log-odds reach a bound; by default with at least so many votes."""

    def play(bound: float, votes: int = 1) -> Outcome:
        may = stream.turn >= votes
        return passage(stream, odds, may & (odds >= bound), may & (odds <= -bound))

    return Sweep(play(float(logit(NOMINAL)), minimum), tuple(play(bound) for bound in BOUNDS.tolist()))


def _oracle_odds(stream: Stream) -> Reals:
    """Return the log-odds of yes after each live vote, (k,), by how its volunteers answer in the whole log."""
    likelihood = np.log(_true_confusion(stream))
    if_no, if_yes = likelihood[:, Answer.NO], likelihood[:, Answer.YES]
    clip = CLIP / MICRO
    cell = (stream.volunteer[stream.live], stream.answer[stream.live])
    sides = (np.maximum(if_yes, if_no - clip)[cell], np.maximum(if_no, if_yes - clip)[cell], if_hard(cell[1]))
    by_yes, by_no, by_hard = (running(stream, side) for side in sides)
    return with_hard(by_yes, by_no, by_hard) + _log_odds(stream.truth[stream.truth >= 0])


def _log_odds(known: Integers) -> float:
    """Return the log-odds of yes among known truths, with one imagined of each."""
    yes = int((known == Answer.YES).sum())
    return float(np.log((yes + 1) / (len(known) - yes + 1)))


def _true_confusion(stream: Stream) -> Reals:
    """Return P(answer | truth) of each volunteer over the whole log, (v, 2, 3), with one declared answer beside."""
    truth = stream.truth[stream.subject]
    judged = truth >= 0
    cell = (stream.volunteer * 2 + truth) * len(Answer) + stream.answer
    counts = np.bincount(cell[judged], minlength=stream.volunteers * 2 * len(Answer)).reshape(-1, 2, len(Answer))
    result: Reals = (counts + _PRIOR) / (counts.sum(axis=-1, keepdims=True) + 1)
    return result
