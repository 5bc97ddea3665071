"""The transaction that counts votes: a batch in, verdicts out, everything or nothing.

Theory of operation
-------------------
    lock cards  ->  claim client ids, read contexts  ->  lock skills, read gold  ->  lock subjects
    ->  decide (one call of the engine)  ->  write

Locks are taken in sorted order, so two batches wait for each other and never deadlock. The card decides what a swipe
is: none was dealt (rejected), it carries this client id (a duplicate), it carries another (already answered), or it is
open, and then the vote will be stored, counted or not. Gold answers of the batch are learnt first, so that all its
votes are weighed with the skill that the volunteer has shown by then; the ledger keeps the revision of that skill.

A swipe that repeats a card or a client id of the same batch is settled after the others, from what they left behind.
"""

import random
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from api.caller import Scope
from api.services.published import Published, PublishedCascades
from api.services.stages import Stages, reasons, settle
from api.services.swipes import CardKey, Swipe, first_of_each, key_columns, repeat_verdict, settle_known_key
from api.services.verdicts import Verdict, duplicate, kept_or_created, rejected
from api.store.ballot import BallotColumns, BallotStore, Context, Gold, Key
from api.store.engine import Connection
from cascade.decision import ENTRY, Decisions, decide
from cascade.drift import Records, learn_in_order, trusted
from cascade.graph import Workflow
from cascade.skill import informedness_quantile, weigh
from cascade.vocabulary import Answer, Bucket, EntryKind, Exclusion

ContextKey = tuple[int, int]
Integers = NDArray[np.int64]
Rows = NDArray[np.void]

__all__ = ["Ballot", "Swipe", "rules_in_force"]

ANSWERS = {answer.word: int(answer) for answer in Answer}
_EXCLUSION_OF_BUCKET = {
    int(Bucket.PROVEN): int(Exclusion.NONE),
    int(Bucket.UNPROVEN): int(Exclusion.NONE),
    int(Bucket.LATE): int(Exclusion.LATE),
    int(Bucket.AUDIT): int(Exclusion.AUDIT),
}


class Ballot:
    """One batch on its way through one transaction; `retired` says why its votes retired subjects, each with a word."""

    def __init__(self, connection: Connection, published: PublishedCascades, dice: random.Random) -> None:
        self._connection = connection
        self._store = BallotStore(connection)
        self._published = published
        self._dice = dice
        self._contexts: list[Context] = []
        self._records = Records.blank(0)
        self._batch: Integers = np.zeros((0, 2, 3), dtype=np.int64)
        self._priors: Integers = np.zeros((0, 2, 3), dtype=np.int64)
        self._revisions: list[int] = []
        self._skill_keys: list[ContextKey] = []
        self._version_of: dict[int, Published] = {}
        self.retired: list[str] = []

    async def count(self, swipes: Sequence[Swipe]) -> list[Verdict]:
        """Store and count the swipes; return a verdict for each, in their order."""
        first, repeats = first_of_each(swipes)
        verdicts: dict[int, Verdict] = {}
        open_places = await self._meet_cards(swipes, first, verdicts)
        if open_places:
            stored = await self._claim([(place, swipes[place]) for place in open_places], verdicts)
            if stored:
                await self._store_votes(stored)
            for place, swipe in ((p, swipes[p]) for p in open_places if p not in verdicts):
                verdicts[place] = kept_or_created(swipe.item, swipe.exclusion, swipe.truth, swipe.explanation)
        for place in repeats:
            verdicts[place] = repeat_verdict(swipes[place], [(swipes[p], verdicts[p]) for p in first])
        return [verdicts[place] for place in range(len(swipes))]

    async def _meet_cards(
        self, swipes: Sequence[Swipe], places: Sequence[int], verdicts: dict[int, Verdict]
    ) -> list[int]:
        """Lock the cards; settle the swipes whose card is missing or answered; return the places of the others."""
        keys = [swipes[place].card_key for place in places]
        cards = await self._store.lock_cards([k[0] for k in keys], [k[1] for k in keys], [k[2] for k in keys])
        still_open, again, missing, taken = [], [], [], []
        for number, place in enumerate(places):
            swipe = swipes[place]
            card = swipe.card = cards.get(number)
            if card is None:
                missing.append(place)
            elif card.client_id is None:
                still_open.append(place)
            elif card.client_id == swipe.item.id:
                again.append(place)
            else:
                taken.append(place)
        if missing:
            await self._explain_missing(swipes, missing, verdicts)
        if taken:
            await self._explain_taken([(place, swipes[place]) for place in taken], verdicts)
        if again:
            await self._answer_again([(place, swipes[place]) for place in again], verdicts)
        return still_open

    async def _explain_missing(
        self, swipes: Sequence[Swipe], places: Sequence[int], verdicts: dict[int, Verdict]
    ) -> None:
        workflows = await self._store.known_workflows([swipes[p].item.workflow for p in places])
        subjects = await self._store.known_subjects([swipes[p].subject_id for p in places])
        for place in places:
            swipe = swipes[place]
            if swipe.item.workflow not in workflows:
                reason = "unknown_workflow"
            elif swipe.subject_id not in subjects:
                reason = "unknown_subject"
            else:
                reason = "never_dealt"
            verdicts[place] = rejected(swipe.item, reason)

    async def _explain_taken(self, swipes: Sequence[tuple[int, Swipe]], verdicts: dict[int, Verdict]) -> None:
        """Settle swipes whose card carries another vote; that may have come after theirs was taken back."""
        keys = await self._store.read_keys(*key_columns([swipe for _, swipe in swipes])[:2])
        for number, (place, swipe) in enumerate(swipes):
            key = keys.get(number)
            settled = settle_known_key(swipe, key) if key is not None else None
            verdicts[place] = settled or rejected(swipe.item, "already_answered")

    async def _answer_again(self, swipes: Sequence[tuple[int, Swipe]], verdicts: dict[int, Verdict]) -> None:
        """Say once more what became of votes that are stored: the first reply may have been lost."""
        shown = [swipe for _, swipe in swipes if swipe.card is not None and swipe.card.truth is not None]
        gold = await self._read_gold(shown) if shown else {}
        for place, swipe in swipes:
            card = swipe.card
            assert card is not None
            known = gold.get(swipe.card_key)
            verdicts[place] = duplicate(
                swipe.item, card.exclusion or 0, card.answer, card.truth, known.explanation if known else None
            )

    async def _read_gold(self, swipes: Sequence[Swipe]) -> dict[CardKey, Gold]:
        found = await self._store.read_gold([s.item.workflow for s in swipes], [s.subject_id for s in swipes])
        return {swipes[number].card_key: gold for number, gold in found.items()}

    async def _claim(self, swipes: Sequence[tuple[int, Swipe]], verdicts: dict[int, Verdict]) -> list[Swipe]:
        """Claim the client ids and find out what each person may do; return the swipes that will be stored."""
        claims = [swipe for _, swipe in swipes]
        wanted = dict.fromkeys((swipe.caller.person_id, swipe.item.workflow) for swipe in claims)
        places = {key: number for number, key in enumerate(wanted)}
        self._skill_keys = list(places)
        claimed, self._contexts = await self._store.claim_keys_and_read_contexts(
            key_columns(claims), [key[0] for key in places], [key[1] for key in places]
        )
        self._records = _records(self._contexts)
        self._revisions = [c.revision for c in self._contexts]
        await self._meet_versions()
        known: dict[int, Key] = {}
        if claimed < len(swipes):
            known = await self._store.read_keys(*key_columns(claims)[:2])
        stored = []
        for number, (place, swipe) in enumerate(swipes):
            swipe.context = places[(swipe.caller.person_id, swipe.item.workflow)]
            key = known.get(number)
            settled = settle_known_key(swipe, key) if key is not None else None
            if settled is None:
                stored.append(swipe)
            else:
                verdicts[place] = settled
        await self._bind_tombstones(stored)
        for swipe in stored:
            swipe.exclusion = swipe.exclusion or self._exclusion(swipe)
        return stored

    async def _meet_versions(self) -> None:
        """Find the rules by which the votes of each workflow are judged, and what its volunteers start with."""
        in_force = {context.version_id: context.revisions for context in self._contexts}
        versions = {
            number: await self._published.get(self._connection, number, dict(revisions))
            for number, revisions in in_force.items()
        }
        pairs = list(zip(self._skill_keys, self._contexts, strict=True))
        self._version_of = {key[1]: versions[context.version_id] for key, context in pairs}
        self._batch = np.array([context.batch for context in self._contexts], dtype=np.int64).reshape(-1, 2, 3)
        self._priors = np.array([self._version_of[key[1]].calibration(key[1]).prior for key, _ in pairs])

    async def _bind_tombstones(self, swipes: Sequence[Swipe]) -> None:
        late = [swipe for swipe in swipes if swipe.exclusion == Exclusion.RETRACTED]
        if late:
            await self._store.bind_tombstones(key_columns(late))

    def _exclusion(self, swipe: Swipe) -> int:
        """Return why a vote will be stored without being counted, as far as card and person tell."""
        context, card = self._contexts[swipe.context], swipe.card
        assert card is not None
        published = self._version_of[swipe.item.workflow]
        if context.closed or swipe.item.workflow not in published.names:
            return int(Exclusion.WORKFLOW_RETIRED)
        if context.banned:
            return int(Exclusion.BANNED)
        if context.level < published.workflow(swipe.item.workflow).level:
            return int(Exclusion.LEVEL_LOST)
        if card.expired:
            return int(Exclusion.CARD_EXPIRED)
        return int(Exclusion.TOO_FAST) if _too_fast(swipe, published.workflow(swipe.item.workflow)) else 0

    async def _store_votes(self, stored: Sequence[Swipe]) -> None:
        """Learn from gold, decide about subjects, and write all of it."""
        gold = [swipe for swipe in stored if swipe.card is not None and swipe.card.gold]
        voting = [swipe for swipe in stored if swipe.card is not None and not swipe.card.gold]
        skills = await self._learn([swipe for swipe in gold if swipe.exclusion in (0, Exclusion.TOO_FAST)])
        stages = await Stages.lock(self._store, ((swipe.item.workflow, swipe.subject_id) for swipe in voting))
        decided = self._decide(voting, stages)
        await self._store.write_ballot(self._columns(stored), skills, self._to_judge(skills))
        for swipe in voting:
            if swipe.stage >= 0:
                stages.landed[swipe.stage] += 1
                stages.excluded[swipe.stage] += swipe.bucket == Bucket.IGNORED
        after = stages.standings if decided is None else decided.standings
        await settle(self._store, self._dice, stages, after, self._version_of)
        self.retired = reasons(stages, after)

    async def _learn(self, swipes: Sequence[Swipe]) -> list[list[int]]:
        """Add gold answers to the skills of those who gave them; return the columns of the changed skills."""
        if not swipes:
            return [[] for _ in range(12)]
        gold = await self._read_gold(swipes)
        contexts = sorted({swipe.context for swipe in swipes})
        persons = [self._skill_keys[c][0] for c in contexts]
        workflows = [self._skill_keys[c][1] for c in contexts]
        locked = await self._store.lock_skills(persons, workflows)
        for place, skill in locked.items():
            self._revisions[contexts[place]] = skill.revision
            self._records.put(contexts[place], skill.counts, skill.cusum, skill.drops)
        in_order = sorted(swipes, key=lambda swipe: swipe.item.id)  # which is on the cards, when months were archived
        learnt = [swipe for swipe in in_order if self._taught(swipe, gold.get(swipe.card_key))]
        volunteer = np.array([swipe.context for swipe in learnt], dtype=np.int64)
        truth = np.array([swipe.truth for swipe in learnt], dtype=np.int64)
        answer = np.array([ANSWERS[swipe.item.answer] for swipe in learnt], dtype=np.int64)
        after = learn_in_order(self._records, volunteer, truth, answer)
        for number, context in enumerate(volunteer.tolist()):
            self._records.put(context, after.counts[number], after.cusum[number], after.drops[number])
        changed = self._records.take(np.array(contexts))
        columns = [
            *changed.counts.reshape(-1, 6).T,
            changed.cusum,
            changed.drops,
            informedness_quantile(changed.counts),
        ]
        return [persons, workflows, [self._revisions[c] for c in contexts], *(column.tolist() for column in columns)]

    def _to_judge(self, skills: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
        """Return who has learnt something in a project whose levels are reached by that: project and person."""
        learners = {(person, workflow) for person, workflow in zip(*skills[:2], strict=True)}
        pairs = zip(self._skill_keys, self._contexts, strict=True)
        return list(
            {
                (context.project_id, key[0])
                for key, context in pairs
                if key in learners and self._version_of[key[1]].levels
            }
        )

    def _taught(self, swipe: Swipe, known: Gold | None) -> bool:
        """Note on a swipe what its gold says; say whether anything is learnt by it, which is a revision of its own."""
        if known is None:
            swipe.exclusion = int(Exclusion.GOLD_WITHDRAWN)
            return False
        swipe.truth, swipe.explanation = known.truth, known.explanation
        if swipe.exclusion:
            return False
        swipe.bucket, swipe.exclusion = int(Bucket.GOLD), int(Exclusion.GOLD)
        self._revisions[swipe.context] += 1
        swipe.skill_revision = self._revisions[swipe.context]
        return True

    def _decide(self, voting: Sequence[Swipe], stages: Stages) -> Decisions | None:
        """Weigh the votes that may count and let the engine decide; note on each what became of it."""
        counting = []
        for swipe in voting:
            swipe.stage = stages.place.get((swipe.item.workflow, swipe.subject_id), -1)
            if swipe.stage < 0:
                swipe.exclusion = swipe.exclusion or int(Exclusion.WORKFLOW_RETIRED)
            if not swipe.exclusion:
                counting.append(swipe)
        if not counting:
            return None
        rules, rule_of = rules_in_force(self._version_of)
        entries = np.zeros(len(counting), dtype=ENTRY)
        answers = np.array([ANSWERS[swipe.item.answer] for swipe in counting], dtype=np.int64)
        entries["stage"] = [swipe.stage for swipe in counting]
        entries["rule"] = [rule_of[swipe.item.workflow] for swipe in counting]
        entries["kind"] = EntryKind.VOTE
        entries["answer"] = answers
        entries["flag"] = [swipe.item.flag for swipe in counting]
        contexts = [swipe.context for swipe in counting]
        entries["if_yes"], entries["if_no"], entries["proven"] = weigh(
            self._records.counts[contexts],
            answers,
            trusted(self._batch, self._records.drops)[contexts],
            self._priors[contexts],
        )
        decided = decide(stages.standings, entries, rules)
        columns = (decided.bucket, decided.ordinal, decided.if_yes, decided.if_no)
        for swipe, *result in zip(counting, *(column.tolist() for column in columns), strict=True):
            swipe.bucket, swipe.ordinal, swipe.if_yes, swipe.if_no = result
            swipe.exclusion = _EXCLUSION_OF_BUCKET[swipe.bucket]
        return decided

    def _calibration(self, workflow_id: int) -> int:
        return self._version_of[workflow_id].calibration(workflow_id).revision

    def _columns(self, swipes: Sequence[Swipe]) -> BallotColumns:
        """Return the rows of cards and ledger, column by column."""
        items = [swipe.item for swipe in swipes]
        return BallotColumns(
            kind=[int(EntryKind.VOTE)] * len(swipes),
            person_id=[swipe.caller.person_id for swipe in swipes],
            volunteer_id=[swipe.caller.volunteer_id for swipe in swipes],
            workflow_id=[item.workflow for item in items],
            subject_id=[swipe.subject_id for swipe in swipes],
            client_id=[item.id for item in items],
            attempt=[swipe.card.attempt if swipe.card is not None else 0 for swipe in swipes],
            answer=[ANSWERS[item.answer] for item in items],
            flag=[item.flag for item in items],
            bucket=[swipe.bucket for swipe in swipes],
            exclusion=[swipe.exclusion for swipe in swipes],
            ordinal=[swipe.ordinal for swipe in swipes],
            if_yes=[swipe.if_yes for swipe in swipes],
            if_no=[swipe.if_no for swipe in swipes],
            skill_revision=[swipe.skill_revision or self._revisions[swipe.context] for swipe in swipes],
            version_id=[self._contexts[swipe.context].version_id for swipe in swipes],
            calibration=[self._calibration(item.workflow) for item in items],
            answered_at=[item.answered_at for item in items],
            dwell_ms=[item.dwell_ms for item in items],
            session=[item.session for item in items],
            utc_offset_minutes=[item.utc_offset_minutes for item in items],
            language=[item.language for item in items],
            source=[swipe.caller.source for swipe in swipes],
            truth=[swipe.truth for swipe in swipes],
            favourite=[item.favourite for item in items],
        )


def rules_in_force(version_of: Mapping[int, Published]) -> tuple[Rows, dict[int, int]]:
    """Return the rules of the versions in a batch as one table, and the row of each workflow."""
    tables: list[Rows] = []
    rule_of: dict[int, int] = {}
    offset = 0
    for published in {version.version_id: version for version in version_of.values()}.values():
        tables.append(published.rules)
        rule_of |= {workflow: offset + place for workflow, place in published.rule_of.items()}
        offset += len(published.rules)
    return np.concatenate(tables), rule_of


def _too_fast(swipe: Swipe, workflow: Workflow) -> bool:
    """Say whether an answer came before anybody can have looked; how long imported ones took, other clocks measured."""
    return 0 < swipe.item.dwell_ms < workflow.fastest_ms and swipe.caller.scope != Scope.IMPORT


def _records(contexts: Sequence[Context]) -> Records:
    """Return what the volunteers of contexts have shown; their cusum is read where gold is to be learnt."""
    counts = np.array([context.counts for context in contexts], dtype=np.int64).reshape(-1, 2, 3)
    drops = np.array([context.drops for context in contexts], dtype=np.int64)
    return Records(counts, np.zeros_like(drops), drops)
