from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.decision import ENTRY, STANDING, decide, log_odds, rules_of
from cascade.graph import Count, Workflow
from cascade.replay import LABEL, Discrepancy, Ledger, check, skill_history
from cascade.skill import weigh
from cascade.vocabulary import NO_ANSWER, Answer, EntryKind, Reason, StageState

Rows = NDArray[np.void]
Integers = NDArray[np.int64]

STAGES, BATCH, BACK = 40, 60, 5
RULES = rules_of([Workflow("arc", "?", audit=0.3), Workflow("disk", "?", policy=Count(3), flag=2)])
COLUMNS = ("stage", "rule", "kind", "answer", "flag", "counts", "ordinal", "bucket", "if_yes", "if_no")

Columns = dict[str, Integers]


def lived(seed: int, rounds: int = 8) -> Ledger:
    """What a service stores that decides batch after batch: sixty votes, then five of them taken back, and so on."""
    rng = np.random.default_rng(seed)
    standings = np.zeros(STAGES, STANDING)
    standings["answer"], standings["draw"] = NO_ANSWER, rng.integers(0, 2**31, STAGES)
    standings["prior"] = rng.choice([-1_000_000, 0, 2_000_000], STAGES)
    standings["machine"] = standings["prior"] != 0
    kept: list[Columns] = []
    labels: list[Rows] = []
    for number in range(rounds):
        for what in (EntryKind.VOTE, EntryKind.RETRACTION):
            batch = votes(rng) if what == EntryKind.VOTE else taken_back(kept[-1], number * (BATCH + BACK), rng)
            decided = decide(standings, entries_of(batch), RULES)
            labels.append(labels_of(decided.moves, decided.standings))
            standings = decided.standings
            came_out = {name: getattr(decided, name) for name in ("ordinal", "bucket", "if_yes", "if_no")}
            kept.append(batch | came_out)
    joined = {name: np.concatenate([batch[name] for batch in kept]) for name in kept[0]}
    return Ledger(standings=standings, rules=RULES, labels=np.concatenate(labels), **joined)


def votes(rng: np.random.Generator) -> Columns:
    stage = rng.integers(0, STAGES, BATCH)
    return {
        "stage": stage,
        "rule": stage % 2,
        "kind": np.full(BATCH, EntryKind.VOTE),
        "answer": rng.choice(3, BATCH, p=[0.3, 0.6, 0.1]),
        "flag": rng.integers(0, 8, BATCH) // 7,
        "takes_back": np.full(BATCH, -1),
        "counts": rng.multinomial(12, [[0.75, 0.2, 0.05], [0.2, 0.75, 0.05]], (BATCH, 2)),
        "bucket": np.zeros(BATCH, dtype=np.int64),
    }


def taken_back(given_: Columns, first: int, rng: np.random.Generator) -> Columns:
    """Take back five votes of a batch whose first entry has this index in the ledger."""
    chosen = rng.choice(BATCH, BACK, replace=False)
    columns = {name: given_[name][chosen] for name in ("stage", "rule", "answer", "flag", "counts", "bucket")}
    return columns | {"kind": np.full(BACK, EntryKind.RETRACTION), "takes_back": first + chosen}


def entries_of(columns: Columns) -> Rows:
    entries = np.zeros(len(columns["stage"]), ENTRY)
    for name in ("stage", "rule", "kind", "answer", "flag", "bucket"):
        entries[name] = columns[name]
    entries["if_yes"], entries["if_no"], entries["proven"] = weigh(columns["counts"], columns["answer"])
    return entries


def labels_of(moves: Rows, standings: Rows) -> Rows:
    """Labels as a service writes them: from the standings after a batch in which no vote is taken back."""
    stages = moves["stage"][moves["after"] == StageState.RETIRED]
    labels = np.zeros(len(stages), LABEL)
    labels["stage"], labels["log_odds"] = stages, log_odds(standings)[stages]
    labels["answer"], labels["reason"] = standings["answer"][stages], standings["reason"][stages]
    counts = ("n_yes", "n_no", "n_unsure", "u_yes", "u_no", "u_unsure")
    labels["votes"] = sum(standings[name][stages] for name in counts)
    return labels


def changed(column: Integers, place: int, by: int = 1) -> Integers:
    copy = column.copy()
    copy[place] += by
    return copy


@pytest.mark.parametrize("seed", range(5))
def test_a_ledger_that_was_lived_batch_by_batch_has_no_discrepancy(seed: int) -> None:
    ledger = lived(seed)

    assert (ledger.kind == EntryKind.RETRACTION).any()
    assert set(ledger.labels["reason"]) >= {Reason.CONSENSUS, Reason.CLASSIFICATION_COUNT}
    assert check(ledger) == []


def test_the_order_of_the_rows_does_not_matter() -> None:
    ledger = lived(1)
    order = np.random.default_rng(1).permutation(len(ledger.stage))
    back = ledger.takes_back[order]
    columns = {name: getattr(ledger, name)[order] for name in COLUMNS}

    shuffled = replace(ledger, **columns | {"takes_back": np.where(back < 0, -1, np.argsort(order)[back])})

    assert check(shuffled) == []


def test_an_empty_ledger_has_no_discrepancy() -> None:
    ledger = lived(0)
    nothing = {name: getattr(ledger, name)[:0] for name in (*COLUMNS, "takes_back", "labels", "standings")}

    assert check(Ledger(rules=RULES, **nothing)) == []


@pytest.mark.parametrize("field", ["bucket", "if_yes", "if_no"])
def test_a_changed_number_of_an_entry_is_named(field: str) -> None:
    ledger = lived(2)
    place = int(np.flatnonzero(~np.isin(np.arange(len(ledger.stage)), ledger.takes_back))[7])
    stored: Any = changed(getattr(ledger, field), place)

    assert check(replace(ledger, **{field: stored})) == [
        Discrepancy("entry", place, field, int(stored[place]), int(stored[place]) - 1)
    ]


@pytest.mark.parametrize("field", [name for name in STANDING.names or () if name not in {"prior", "machine", "draw"}])
def test_a_changed_number_of_a_stage_is_named(field: str) -> None:
    ledger = lived(2)
    standings = ledger.standings.copy()
    standings[field][3] += 1

    assert check(replace(ledger, standings=standings)) == [
        Discrepancy("stage", 3, field, int(standings[field][3]), int(standings[field][3]) - 1)
    ]


@pytest.mark.parametrize("field", ["answer", "reason", "log_odds", "votes"])
def test_a_changed_label_is_named(field: str) -> None:
    ledger = lived(2)
    labels = ledger.labels.copy()
    labels[field][4] += 1

    assert check(replace(ledger, labels=labels)) == [
        Discrepancy("label", int(labels["stage"][4]), field, int(labels[field][4]), int(labels[field][4]) - 1)
    ]


def test_a_label_without_retirement_and_a_retirement_without_label_are_named() -> None:
    ledger = lived(2)
    missing = int(ledger.labels["stage"][0])
    undecided = int(np.flatnonzero(ledger.standings["state"] != StageState.RETIRED)[0])
    labels = ledger.labels.copy()
    labels["stage"][0] = undecided

    assert check(replace(ledger, labels=labels)) == [
        Discrepancy("label", undecided, "stage", undecided, None),
        Discrepancy("label", missing, "stage", None, missing),
    ]


def test_a_lost_vote_shows_in_the_ordinals_and_in_its_stage() -> None:
    ledger = lived(3)
    lost = int(np.flatnonzero((ledger.takes_back < 0) & (ledger.ordinal == 1))[0])
    assert lost not in ledger.takes_back
    columns = {name: np.delete(getattr(ledger, name), lost, axis=0) for name in COLUMNS}
    back = np.delete(ledger.takes_back, lost)

    found = check(replace(ledger, takes_back=back - (back > lost), **columns))

    stage = int(ledger.stage[lost])
    last = int(ledger.standings["ordinal"][stage])
    assert Discrepancy("stage", stage, "ordinal", last, last - 1) in found
    assert ("entry", "ordinal") in {(discrepancy.of, discrepancy.field) for discrepancy in found}


def test_other_gold_counts_give_other_increments() -> None:
    ledger = lived(4)
    place = int(np.flatnonzero(~np.isin(np.arange(len(ledger.stage)), ledger.takes_back))[0])
    counts = ledger.counts.copy()
    counts[place] += 1

    assert {(d.of, d.field) for d in check(replace(ledger, counts=counts))} >= {("entry", "if_yes"), ("entry", "if_no")}


@pytest.mark.parametrize("wrong", ["itself", "nothing", "a later vote", "a vote of another stage", "one taken back"])
def test_taking_back_what_cannot_be_taken_back_is_named(wrong: str) -> None:
    ledger = lived(5)
    first, second = np.flatnonzero(ledger.kind == EntryKind.RETRACTION)[:2].tolist()
    stage = ledger.stage[first]
    later = np.flatnonzero((ledger.stage == stage) & (ledger.ordinal > ledger.ordinal[first]))
    target = {
        "itself": first,
        "nothing": -1,
        "a later vote": int(later[0]),
        "a vote of another stage": int(np.flatnonzero(ledger.stage != stage)[0]),
        "one taken back": int(ledger.takes_back[second]),
    }[wrong]
    takes_back = ledger.takes_back.copy()
    takes_back[first] = target

    found = check(replace(ledger, takes_back=takes_back))

    assert "takes_back" in {discrepancy.field for discrepancy in found}


# Skills


def test_the_counts_at_a_revision_are_the_gold_up_to_it() -> None:
    no, yes = 0, 1
    history = skill_history(
        skill=np.array([7, 3, 7, 7]),
        revision=np.array([2, 1, 1, 3]),
        truth=np.array([yes, no, no, yes]),
        answer=np.array([Answer.YES, Answer.UNSURE, Answer.NO, Answer.NO]),
    )

    records = history.at(np.array([7, 7, 7, 7, 3, 3, 99]), np.array([0, 1, 2, 3, 0, 1, 5]))

    assert records.counts.reshape(-1, 6).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 1, 0],
        [1, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_gold_answers_stored_together_may_share_their_last_revision() -> None:
    both = np.array([2, 2])

    history = skill_history(np.array([1, 1]), both, np.array([0, 1]), np.array([Answer.NO, Answer.YES]))

    assert history.at(np.array([1, 1]), np.array([0, 2])).counts.sum(axis=(1, 2)).tolist() == [0, 2]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 2)), max_size=30))
def test_a_history_gives_what_learning_one_by_one_gave(answers: list[tuple[int, int, int]]) -> None:
    learned = np.zeros((4, 2, 3), dtype=np.int64)
    seen, revisions = [], []
    for skill, truth, answer in answers:
        seen.append(learned[skill].copy())
        learned[skill, truth, answer] += 1
        revisions.append(int(learned[skill].sum()))
    skills, truths, given_ = np.array(answers, dtype=np.int64).reshape(-1, 3).T

    history = skill_history(skills, np.array(revisions, dtype=np.int64), truths, given_)

    before = history.at(skills, np.array(revisions, dtype=np.int64) - 1).counts
    assert np.array_equal(before, np.array(seen, dtype=np.int64).reshape(-1, 2, 3))
    assert np.array_equal(history.at(np.arange(4), np.full(4, 99)).counts, learned)
