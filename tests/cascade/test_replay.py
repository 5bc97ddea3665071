from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.calibration import HARD
from cascade.decision import ENTRY, MOVE, STANDING, decide, log_odds, rules_of
from cascade.graph import Count, Workflow
from cascade.replay import LABEL, RESCORE, Discrepancy, Fits, Ledger, check, skill_history
from cascade.rescoring import VOICE, Rescored, reweigh, weigh_anew
from cascade.skill import PRIOR, weigh
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, Reason, StageState

Rows = NDArray[np.void]
Integers = NDArray[np.int64]

STAGES, BATCH, BACK, PEOPLE = 40, 60, 5, 12
COUNTED = (Bucket.PROVEN, Bucket.UNPROVEN)
RULES = rules_of([Workflow("arc", "?", audit=0.3), Workflow("disk", "?", policy=Count(3), flag=2)])
COLUMNS = (
    *("stage", "rule", "kind", "answer", "flag", "skill", "counts", "batch", "prior"),
    *("ordinal", "bucket", "if_yes", "if_no"),
)

Columns = dict[str, Integers]


class Service:
    """What a service stores that decides batch after batch, and weighs its stages anew in between."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.standings = np.zeros(STAGES, STANDING)
        self.standings["answer"], self.standings["draw"] = NO_ANSWER, self.rng.integers(0, 2**31, STAGES)
        self.standings["prior"] = self.rng.choice([-1_000_000, 0, 2_000_000], STAGES)
        self.standings["machine"] = self.standings["prior"] != 0
        self.kept: list[Columns] = []
        self.labels: list[Rows] = []
        self.rescores: list[Rows] = [np.zeros(0, RESCORE)]
        self.fits: list[dict[str, Integers]] = []
        self.cards: dict[int, list[int]] = {}
        """What votes that were not taken back weigh now, by their place: stage, answer, if_yes, if_no, bucket."""

    @property
    def calibration(self) -> int:
        return len(self.fits)

    def vote(self) -> None:
        self._happen(votes(self.rng) | {"calibration": np.full(BATCH, self.calibration)})

    def take_back(self) -> None:
        given_ = self.kept[-1]
        first = sum(len(batch["stage"]) for batch in self.kept[:-1])
        batch = taken_back(given_, first, self.rng) | {"calibration": np.full(BACK, self.calibration)}
        self._happen(batch)

    def refit(self) -> None:
        """Learn anew about most volunteers, and weigh all stages by it."""
        known = np.sort(self.rng.choice(PEOPLE, PEOPLE - 3, replace=False))
        counts = self.rng.multinomial(15, [[0.8, 0.15, 0.05], [0.3, 0.65, 0.05]], (len(known), 2))
        self.fits.append({"skill": known, "counts": counts, "batch": 37 * counts, "prior": np.full((2, 3), 40)})
        due = np.sort(self.rng.choice(STAGES, STAGES // 2, replace=False))
        prior = np.where(due % 3 == 0, 400_000, self.standings["prior"][due])
        places = [place for place, card in self.cards.items() if card[0] in due and card[4] in COUNTED]
        cards = np.array([self.cards[place] for place in places]).reshape(-1, 5)
        voices = np.zeros(len(places), VOICE)
        voices["stage"], voices["answer"] = np.searchsorted(due, cards[:, 0]), cards[:, 1]
        voices["if_yes"], voices["if_no"], voices["proven"] = cards[:, 2], cards[:, 3], cards[:, 4] == Bucket.PROVEN
        skill = self._column("skill")[places]
        known_to, counts, batch = self.all_fits().at(skill, np.full(len(places), self.calibration))
        anew = weigh_anew(voices, known_to, counts, batch, self.fits[-1]["prior"])
        done = reweigh(self.standings[due], RULES[due % 2], prior, np.zeros(len(due), np.int64), anew)
        written = np.flatnonzero(done.worthwhile)
        self._write_down(due, prior, done, written)
        for place, voice in zip(places, anew, strict=True):
            undecided = self.standings["state"][due[voice["stage"]]] <= StageState.CONTESTED
            if undecided and voice["stage"] in written:
                bucket = Bucket.PROVEN if voice["proven"] else Bucket.UNPROVEN
                self.cards[place][2:] = [int(voice["if_yes"]), int(voice["if_no"]), int(bucket)]
        self.labels.append(self._new_labels(due[written], done.standings[written]))
        self.standings[due[written]] = done.standings[written]

    def ledger(self) -> Ledger:
        joined = {name: self._column(name) for name in self.kept[0] if name != "calibration"}
        _, _, batch = self.all_fits().at(joined["skill"], self._column("calibration"))
        rescores = np.concatenate(self.rescores)
        return Ledger(
            standings=self.standings,
            rules=RULES,
            labels=np.concatenate(self.labels),
            batch=batch,
            prior=self._priors(self._column("calibration")),
            rescores=rescores,
            rescore_prior=self._priors(rescores["calibration"]),
            fits=self.all_fits(),
            **joined,
        )

    def all_fits(self) -> Fits:
        skill = np.concatenate([np.zeros(0, np.int64), *(fit["skill"] for fit in self.fits)])
        calibration = np.repeat(np.arange(1, len(self.fits) + 1), [len(fit["skill"]) for fit in self.fits])
        order = np.lexsort((calibration, skill))
        nothing = np.zeros((0, 2, 3), np.int64)
        counts, batch = (
            np.concatenate([nothing, *(fit[name] for fit in self.fits)])[order] for name in ("counts", "batch")
        )
        return Fits(skill[order], calibration[order], counts, batch)

    def _priors(self, calibration: Integers) -> Integers:
        known = np.array([PRIOR, *(fit["prior"] for fit in self.fits)])
        return known[calibration]

    def _column(self, name: str) -> Integers:
        return np.concatenate([batch[name] for batch in self.kept])

    def _happen(self, batch: Columns) -> None:
        first = sum(len(each["stage"]) for each in self.kept)
        _, _, learnt = self.all_fits().at(batch["skill"], batch["calibration"])
        entries = entries_of(batch, learnt, self._priors(batch["calibration"]))
        for place, source in enumerate(batch["takes_back"].tolist()):
            if source >= 0:
                card = self.cards.pop(source)
                entries["if_yes"][place], entries["if_no"][place], entries["bucket"][place] = card[2:]
        decided = decide(self.standings, entries, RULES)
        self.labels.append(labels_of(decided.moves, decided.standings))
        self.standings = decided.standings
        came_out = {name: getattr(decided, name) for name in ("ordinal", "bucket", "if_yes", "if_no")}
        self.kept.append(batch | came_out)
        for place in np.flatnonzero(batch["takes_back"] < 0).tolist():
            columns = (entries["stage"], entries["answer"], entries["if_yes"], entries["if_no"], decided.bucket)
            self.cards[first + place] = [int(column[place]) for column in columns]

    def _write_down(self, due: Integers, prior: Integers, done: Rescored, written: Integers) -> None:
        rows = np.zeros(len(written), RESCORE)
        before, sums, after = self.standings[due[written]], done.weighed[written], done.standings[written]
        rows["stage"], rows["rule"], rows["calibration"] = due[written], due[written] % 2, self.calibration
        rows["prior"], rows["prior_before"], rows["machine_before"] = prior[written], before["prior"], before["machine"]
        rows["ordinal"], rows["flagged"] = after["ordinal"], done.flagged[written]
        rows["log_odds"], rows["votes"] = done.log_odds[written], done.votes[written]
        for name in ("if_yes", "if_no", "unproven"):
            rows[name] = sums[name]
        self.rescores.append(rows[rows["ordinal"] > 0])

    def _new_labels(self, stages: Integers, after: Rows) -> Rows:
        new = (after["state"] == StageState.RETIRED) & (self.standings["state"][stages] != StageState.RETIRED)
        moves = np.zeros(int(new.sum()), MOVE)
        moves["stage"], moves["after"] = np.flatnonzero(new), StageState.RETIRED
        labels = labels_of(moves, after)
        labels["stage"] = stages[labels["stage"]]
        return labels


@cache
def lived(seed: int, rounds: int = 8, refits: int = 0) -> Ledger:
    """Sixty votes, then five of them taken back, and so on; in some of the rounds a refit."""
    service = Service(seed)
    for number in range(rounds):
        service.vote()
        if number < refits:
            service.refit()
        service.take_back()
    return service.ledger()


def votes(rng: np.random.Generator) -> Columns:
    stage = rng.integers(0, STAGES, BATCH)
    return {
        "stage": stage,
        "rule": stage % 2,
        "kind": np.full(BATCH, EntryKind.VOTE),
        "answer": rng.choice(3, BATCH, p=[0.3, 0.6, 0.1]),
        "flag": rng.integers(0, 8, BATCH) // 7,
        "takes_back": np.full(BATCH, -1),
        "skill": rng.integers(0, PEOPLE, BATCH),
        "counts": rng.multinomial(12, [[0.75, 0.2, 0.05], [0.2, 0.75, 0.05]], (BATCH, 2)),
        "bucket": np.zeros(BATCH, dtype=np.int64),
    }


def taken_back(given_: Columns, first: int, rng: np.random.Generator) -> Columns:
    """Take back five votes of a batch whose first entry has this index in the ledger."""
    chosen = rng.choice(BATCH, BACK, replace=False)
    columns = {name: given_[name][chosen] for name in ("stage", "rule", "answer", "flag", "skill", "counts", "bucket")}
    return columns | {"kind": np.full(BACK, EntryKind.RETRACTION), "takes_back": first + chosen}


def entries_of(columns: Columns, batch: Integers, prior: Integers) -> Rows:
    entries = np.zeros(len(columns["stage"]), ENTRY)
    for name in ("stage", "rule", "kind", "answer", "flag", "bucket"):
        entries[name] = columns[name]
    entries["if_yes"], entries["if_no"], entries["proven"] = weigh(columns["counts"], columns["answer"], batch, prior)
    return entries


def labels_of(moves: Rows, standings: Rows) -> Rows:
    """Labels as a service writes them: from the standings after a batch in which no vote is taken back."""
    stages = moves["stage"][moves["after"] == StageState.RETIRED]
    labels = np.zeros(len(stages), LABEL)
    labels["stage"], labels["log_odds"] = stages, log_odds(standings[stages], np.full(len(stages), HARD))
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


def test_a_ledger_whose_stages_were_weighed_anew_has_no_discrepancy() -> None:
    ledgers = [lived(seed, refits=6) for seed in (1, 7, 12, 14, 16, 25)]

    rescores = np.concatenate([ledger.rescores for ledger in ledgers])
    decided = np.concatenate([each.standings["decided_ordinal"][each.rescores["stage"]] for each in ledgers])
    assert len(rescores) > 150
    assert rescores["flagged"].any()
    assert (rescores["ordinal"] == decided).any()
    assert [check(ledger) for ledger in ledgers] == [[]] * 6


@pytest.mark.parametrize("field", ["if_yes", "if_no", "unproven", "log_odds", "votes", "prior_before", "flagged"])
def test_a_changed_number_of_a_rescore_is_named(field: str) -> None:
    ledger = lived(1, refits=6)
    place = int(np.flatnonzero(~ledger.rescores["flagged"])[-1])
    rescores = ledger.rescores.copy()
    rescores[field][place] += 1

    found = check(replace(ledger, rescores=rescores))

    assert Discrepancy("rescore", place, field, int(rescores[field][place]), int(rescores[field][place]) - 1) in found


def test_another_fit_than_the_one_that_weighed_is_found() -> None:
    ledger = lived(2, refits=6)
    fits = replace(ledger.fits, batch=ledger.fits.batch + 1000)

    assert {found.of for found in check(replace(ledger, fits=fits))} >= {"rescore", "stage"}


def test_a_lost_rescore_shows_in_its_stage() -> None:
    ledger = lived(3, refits=6)
    stage = int(ledger.rescores["stage"][0])

    lost = replace(ledger, rescores=ledger.rescores[1:], rescore_prior=ledger.rescore_prior[1:])

    last = int(ledger.standings["ordinal"][stage])
    assert Discrepancy("stage", stage, "ordinal", last, last - 1) in check(lost)


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

    assert check(replace(ledger, **nothing)) == []


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
