"""Ours, played over a stream by the engine's own functions: votes weighed and judged, refits in between.

The stream is cut into epochs. Each begins as the hourly job of a running campaign ends: all votes so far are refitted,
and the subjects that are not retired are weighed anew and judged. The first refit comes before any vote, from gold and
scores alone, and one more comes at the end.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from api.replay.passages import UNDECIDED, Outcome, Sweep
from api.replay.streams import Integers, Mask, Stream
from cascade.calibration import UNCALIBRATED
from cascade.decision import ENTRY, decide
from cascade.drift import trusted
from cascade.graph import ScorePrior, VoteLimits, Workflow
from cascade.refit import Refit, Votes, refit
from cascade.rescoring import VOICE, reweigh
from cascade.score import AGREES, cross_fitted
from cascade.score_drift import people_alone
from cascade.skill import weigh
from cascade.standing import STANDING, Rows, Side, Tally, rules_of, wald
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, StageState

FIRST: Final = 50
"""The votes after which the first refit that has any comes."""

GROWTH: Final = 1.3
"""By how much the votes grow from one refit to the next."""

SCALES: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.2, 4.0)
"""The factors on Wald's bounds over which they are swept."""

_NAME: Final = "answer"
_ENDLESS: Final = 1_000_000
_PRIOR: Final = ScorePrior("score")


@dataclass(frozen=True, slots=True)
class Played:
    """How a stream ended, and what the last refit says."""

    outcome: Outcome
    refit: Refit


def sequential(stream: Stream, growth: float = GROWTH, *, swept: bool = True) -> tuple[Sweep, Refit]:
    """Play ours by default and, `swept`, with its bounds scaled; also return the last refit of the default.

    The default asks for two votes by proven volunteers at least. So that they can be compared at every error with
    policies that stop after one vote, the swept ones ask for one.
    """
    default = play(stream, growth)
    points = tuple(play(stream, growth, scale, minimum=1).outcome for scale in SCALES) if swept else ()
    return Sweep(default.outcome, points), default.refit


def play(stream: Stream, growth: float = GROWTH, scale: float | None = None, *, minimum: int = 2) -> Played:
    """Play ours once, with the bounds that gold gives, or with Wald's times `scale`."""
    course = _Course(stream, scale, minimum)
    for begin, end in pairwise(_edges(len(stream.subject), growth)):
        course.refit(begin)
        course.vote(begin, end)
        if not course.undecided:
            break
    last = course.refit(len(stream.subject))
    return Played(course.outcome(), last)


def _edges(votes: int, growth: float) -> list[int]:
    """Return where the epochs begin, and the end of the last."""
    edges, edge = [0], float(FIRST)
    while edge < votes:
        edges.append(int(edge))
        edge *= growth
    return [*edges, votes]


class _Course:
    """A stream under way: the standing of every subject, the votes that count, and what the last refit has learnt."""

    def __init__(self, stream: Stream, scale: float | None, minimum: int) -> None:
        self._stream = stream
        self._scale = scale
        votes = VoteLimits(minimum=minimum, maximum=_ENDLESS, contested=0)
        self._workflow = Workflow(_NAME, "?", votes=votes, audit=0, cold=not stream.gold.any())
        self._score = _score_priors(stream)
        self._calibration, self._batch = UNCALIBRATED, np.zeros((stream.volunteers, 2, 3), dtype=np.int64)
        self._counted = stream.on_gold.copy()
        self._standings = np.zeros(len(stream.truth), dtype=STANDING)
        self._standings["answer"] = NO_ANSWER
        self._rules = self._rules_now()

    def refit(self, place: int) -> Refit:
        """Refit by the votes that count among so many, and weigh anew what is not retired."""
        stream, used = self._stream, np.flatnonzero(self._counted[:place])
        said = (stream.subject[used], stream.volunteer[used], stream.answer[used])
        votes = Votes(*said, stream.known, self._score, stream.volunteers)
        result = refit(
            votes,
            self._calibration,
            miss=self._workflow.miss,
            false_alarm=self._workflow.false_alarm,
            maximum=_ENDLESS,
            paired=False,
        )
        self._calibration, self._batch = result.calibration, result.batch
        self._rules = self._rules_now()
        self._weigh_anew(used, place)
        return result

    @property
    def undecided(self) -> bool:
        """Whether any subject may still be decided."""
        return bool((self._standings["state"][self._stream.subjects] == StageState.OPEN).any())

    def vote(self, begin: int, end: int) -> None:
        """Give the live votes of an epoch, each weighed by what was known of its volunteer then."""
        stream = self._stream
        places = begin + np.flatnonzero(~stream.on_gold[begin:end])
        places = places[self._standings["state"][stream.subject[places]] == StageState.OPEN]
        records = stream.records.take(stream.record[places])
        volunteer = stream.volunteer[places]
        batch = trusted(self._batch[volunteer], records.drops)
        entries = np.zeros(len(places), dtype=ENTRY)
        entries["stage"], entries["answer"] = stream.subject[places], stream.answer[places]
        weighed = weigh(records.counts, stream.answer[places], batch, self._calibration.prior)
        entries["if_yes"], entries["if_no"], entries["proven"] = weighed
        decided = decide(self._standings, entries, self._rules)
        self._standings = decided.standings
        self._counted[places] = (decided.bucket == Bucket.PROVEN) | (decided.bucket == Bucket.UNPROVEN)

    def outcome(self) -> Outcome:
        """Return how things stand."""
        standings = self._standings[self._stream.subjects]
        z = Side.both(standings, self._rules_of(self._stream.subjects))[0].z
        answer = np.where(standings["state"] == StageState.RETIRED, standings["answer"], UNDECIDED)
        forced = np.where(z > 0, int(Answer.YES), np.where(z < 0, int(Answer.NO), UNDECIDED))
        return Outcome(Tally.of(standings).counted, answer, np.where(answer >= 0, answer, forced))

    def _rules_now(self) -> Rows:
        rules = rules_of([self._workflow], {_NAME: self._calibration})
        if self._scale is not None:
            rules["accept"] = max(round(wald(self._workflow.false_alarm) * self._scale), 1)
            rules["reject"] = max(round(wald(self._workflow.miss) * self._scale), 1)
        return rules

    def _weigh_anew(self, used: Integers, place: int) -> None:
        """Give the open subjects the sums that their votes have by the last refit, and judge them by its bounds."""
        stream, standings = self._stream, self._standings
        is_open = standings["state"] == StageState.OPEN
        prior = self._calibration.prevalence + self._score
        machine = (np.abs(self._score) >= AGREES) & ((prior > 0) == (self._score > 0))
        standings["prior"][is_open], standings["machine"][is_open] = prior[is_open], machine[is_open]
        chosen = used[is_open[stream.subject[used]] & ~stream.on_gold[used]]
        # Without a vote nothing retires: only the others are judged.
        heard, stage = np.unique(stream.subject[chosen], return_inverse=True)
        voices = np.zeros(len(chosen), dtype=VOICE)
        voices["stage"], voices["answer"] = stage, stream.answer[chosen]
        voices["if_yes"], voices["if_no"], voices["proven"] = self._weights(chosen, place)
        before = standings.take(heard)
        after = reweigh(before, self._rules_of(heard), before["prior"], before["machine"], voices)
        standings[heard] = after.standings

    def _rules_of(self, subjects: Integers) -> Rows:
        return self._rules.take(np.zeros(len(subjects), dtype=np.int64))

    def _weights(self, votes: Integers, place: int) -> tuple[Integers, Integers, Mask]:
        """Return what `cascade.skill.weigh` gives votes by what is known of their volunteers now."""
        stream, words = self._stream, len(Answer)
        records = stream.records_at(place)
        batch = trusted(self._batch, records.drops)
        who = np.repeat(np.arange(stream.volunteers), words)
        said = np.tile(np.arange(words), stream.volunteers)
        cell = stream.volunteer[votes] * words + stream.answer[votes]
        if_yes, if_no, proven = weigh(records.counts[who], said, batch[who], self._calibration.prior)
        return if_yes[cell], if_no[cell], proven[cell]


def _score_priors(stream: Stream) -> Integers:
    """Return what a machine's scores add to the log-odds, by what gold says of them; a gold subject's own left out.

    Some subjects, the same in every stream, are left to people alone as in a campaign.
    """
    priors = np.zeros(len(stream.truth), dtype=np.int64)
    scored = np.flatnonzero(~np.isnan(stream.score))
    priors[scored] = cross_fitted(stream.score[scored], stream.known[scored])
    draws = np.random.default_rng(0).integers(2**31, size=len(priors)).tolist()
    priors[[people_alone(draw, _PRIOR.people) for draw in draws]] = 0
    return priors
