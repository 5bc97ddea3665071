import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cascade.calibration import UNCALIBRATED
from cascade.dawid_skene import Trust, Votes, fit, gold_counts
from cascade.prevalence import prevalence
from cascade.refit import TRUSTS, refit
from cascade.skill import PRIOR, looks

Integers = NDArray[np.int64]
START = 2.0 * PRIOR / PRIOR.sum(axis=-1, keepdims=True)


def a_crowd(
    *, subjects: int = 400, gold: int = 60, volunteers: int = 30, each: int = 6, share: float = 0.5, seed: int = 1
) -> tuple[Votes, Integers]:
    """Votes of people of whom each is right between half and always, and the truth; the first subjects are gold."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(subjects) < share).astype(np.int64)
    subject = np.repeat(np.arange(subjects), each)
    volunteer = np.concatenate([rng.permutation(volunteers)[:each] for _ in range(subjects)])
    right = rng.random(len(subject)) < np.linspace(0.5, 0.98, volunteers)[volunteer]
    order = rng.permutation(len(subject))
    known = np.where(np.arange(subjects) < gold, truth, -1)
    answer = np.where(right, truth[subject], 1 - truth[subject])
    nothing = np.zeros(subjects, dtype=np.int64)
    return Votes(subject[order], volunteer[order], answer[order], known, nothing, volunteers), truth


def errors(log_odds: NDArray[np.float64] | Integers, truth: Integers, live: NDArray[np.bool_]) -> float:
    return float(((log_odds > 0) != truth)[live].mean())


def test_the_crowd_judges_better_once_it_learns_from_itself() -> None:
    votes, truth = a_crowd(gold=16)
    given = gold_counts(votes)

    by_gold, by_all = (fit(votes, given, START, trust).log_odds for trust in (TRUSTS["gold"], Trust(1.0)))

    live = votes.truth < 0
    assert errors(by_all, truth, live) < errors(by_gold, truth, live)


@pytest.mark.parametrize("share", [0.15, 0.5, 0.8])
def test_prevalence_is_learnt(share: float) -> None:
    votes, truth = a_crowd(share=share, subjects=1000, gold=200)

    assert fit(votes, gold_counts(votes), START, Trust(0.3)).prevalence == pytest.approx(truth.mean(), abs=0.04)


def test_the_share_of_yes_among_gold_counts_where_gold_looks_like_a_sample() -> None:
    votes_say = np.where(np.arange(1000) < 160, 0.99, 0.01)  # 17 %
    a_sample = np.repeat([1, 0, -1], [22, 78, 900])
    a_choice = np.repeat([1, 0, -1], [50, 50, 900])

    assert prevalence(votes_say, a_sample) == pytest.approx(0.198, abs=0.002)
    assert prevalence(votes_say, a_choice) == pytest.approx(0.168, abs=0.004)


def test_little_gold_says_little_of_the_share_of_yes() -> None:
    votes_say = np.full(500, 0.3)

    assert prevalence(votes_say, np.array([1, 1, 1, 0])) == pytest.approx(0.325, abs=0.005)
    assert prevalence(votes_say[:0], np.array([-1])) == pytest.approx(0.5)


def test_nobody_takes_a_yes_for_rarer_than_one_in_twenty() -> None:
    assert prevalence(np.zeros(5000), np.repeat([1, 0], [1, 999])) == pytest.approx(0.05)


def test_what_volunteers_say_of_each_other_counts_as_it_foretells_gold() -> None:
    honest, truth = a_crowd(subjects=1200, gold=80)
    rumour = np.where(np.random.default_rng(1).random(1200) < 0.7, truth, 1 - truth)
    clique = replace(honest, answer=np.where(honest.volunteer >= 12, rumour[honest.subject], honest.answer))

    apart, together = (refit(each, UNCALIBRATED, miss=0.05, false_alarm=0.05).report for each in (honest, clique))

    assert isinstance(apart["trust"], dict)
    assert isinstance(together["trust"], dict)
    assert apart["trust"]["gold"] < 0.1
    assert together["trust"]["gold"] > 0.9
    assert "err together" in str(together["notes"])
    assert "err together" not in str(apart["notes"])


def test_without_gold_everybody_is_believed_and_the_crowd_still_sorts_itself() -> None:
    votes, truth = a_crowd(gold=0, each=8)

    found = refit(votes, UNCALIBRATED, miss=0.05, false_alarm=0.05)

    majority = np.bincount(votes.subject, 2 * votes.answer - 1)
    everywhere = np.ones(len(truth), dtype=bool)
    assert errors(found.log_odds, truth, everywhere) < errors(majority, truth, everywhere)


@pytest.mark.parametrize("trust", TRUSTS.values(), ids=TRUSTS)
def test_accounts_that_only_agree_with_each_other_prove_nobody(trust: Trust) -> None:
    votes, truth = a_crowd()
    targets = np.flatnonzero(votes.truth < 0)[:60]
    ring = np.repeat(np.arange(30, 36), len(targets))
    joined = Votes(
        np.concatenate([np.tile(targets, 6), votes.subject]),
        np.concatenate([ring, votes.volunteer]),
        np.concatenate([np.tile(1 - truth[targets], 6), votes.answer]),
        votes.truth,
        votes.prior,
        36,
    )
    given = gold_counts(joined)

    found = fit(joined, given, START, trust)

    assert not looks(given, found.learnt)[30:].any()
    by_gold_alone = not trust.weight  # then good volunteers are told from others by less, and outweigh the ring by less
    most = 0.2 if by_gold_alone else 0.1
    assert errors(found.log_odds, truth, np.isin(np.arange(len(truth)), targets)) < most


def test_gold_is_judged_without_what_it_taught_itself() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 60)
    subject, volunteer = np.repeat(np.arange(60), 20), np.tile(np.arange(20), 60)
    coins = Votes(subject, volunteer, rng.integers(0, 2, 1200), truth, np.zeros(60, dtype=np.int64), 20)

    report = refit(coins, UNCALIBRATED, miss=0.05, false_alarm=0.05, maximum=20).report

    # Coins tell nothing. With their own gold in their skills they would seem to.
    limit = report["error_upper95"]
    assert isinstance(limit, float)
    assert limit > 0.3


def test_bounds_hold_what_they_promise_on_subjects_that_are_not_gold() -> None:
    stated, seen = [], []
    for seed in range(8):
        votes, truth = a_crowd(subjects=900, gold=250, each=8, seed=seed)
        found = refit(votes, UNCALIBRATED, miss=0.05, false_alarm=0.05, minimum=2)
        z = found.log_odds[votes.truth < 0]
        decided = (z >= found.calibration.accept) | (z <= -found.calibration.reject)
        seen.append(errors(z, truth[votes.truth < 0], decided))
        stated.append(float(str(found.report["error_upper95"])))

    assert np.mean(seen) < 0.05
    assert all(error < limit for error, limit in zip(seen, stated, strict=True))


def test_a_long_row_of_gold_votes_is_replayed_in_parts() -> None:
    votes, _ = a_crowd(volunteers=40, each=40, subjects=30, gold=30)

    report = refit(votes, UNCALIBRATED, miss=0.05, false_alarm=0.05, maximum=5).report

    gold = report["gold"]
    assert isinstance(gold, dict)
    assert gold["yes"]["gold"] + gold["no"]["gold"] == pytest.approx(30)


@pytest.mark.parametrize("gold", [0, 1, 3])
def test_what_there_is_little_of_is_refitted_all_the_same(gold: int) -> None:
    votes, _ = a_crowd(subjects=12, gold=gold)
    nothing = votes.subject[:0]
    none = replace(votes, subject=nothing, volunteer=nothing, answer=nothing)
    nobody = replace(none, truth=none.truth[:0], prior=none.prior[:0], volunteers=0)

    for each in (votes, none, nobody):
        found = refit(each, UNCALIBRATED, miss=0.05, false_alarm=0.02)

        assert found.batch.shape == (each.volunteers, 2, 3)
        assert found.calibration.accept > found.calibration.reject > 0 or gold
        assert json.loads(json.dumps(found.report)) == found.report
