"""``chaffinch replay``: a real vote log, played to policies side by side, or through the running service."""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from pydantic_core import to_json
from rich.live import Live
from rich.table import Table
from rich.text import Text

from api.caller import Scope
from api.cli.beside import Beside, LabelFeed, beside
from api.cli.comparing import POLICIES, Wanted, compare_offline, known_policies
from api.cli.outcomes import Outcome, counted, outcomes, ratio, share
from api.cli.speaking import console, fail
from api.errors import CommandError
from api.manifest import ManifestRow
from api.phone import Phone
from api.replay.batches import Batch, cut
from api.replay.sending import Tally, Target, deal, send
from api.replay.vote_logs import VoteLog, read
from api.services.importing import import_rows
from api.services.numbers import subject_ids
from api.services.published import PublishedCascades
from api.services.verifying import Verification, verify
from api.settings import Settings
from api.store.engine import connect
from cascade.skill import GOLD_TO_PROVE
from cascade.vocabulary import Answer
from mobile_schemas.labels import LabelOut

WORKFLOW: Final = "answer"
"""The one workflow of the project that a log is played to."""

SHOWN_DISCREPANCIES: Final = 20
SHOW_SECONDS: Final = 0.25
SAY_SECONDS: Final = 5.0
GREETING_SECONDS: Final = 3.0
"""How long the service is tried before it is said that it is not there."""

_POLICY: Final = re.compile(r"sequential|(count|lead):([1-9][0-9]{0,5})")


class GoldNeededError(CommandError):
    """The policy needs gold, and the log or the share of it that was asked for has too little."""

    def __init__(self, yes: int, no: int) -> None:
        super().__init__(
            f"sequential needs {GOLD_TO_PROVE} items of each known answer as training, and this gives {yes} yes and"
            f" {no} no; give a greater --gold-share, or --policy lead:3, which needs none"
        )


class OnePolicyError(CommandError):
    """Through the service a log is played once, by a policy that a workflow can have."""

    def __init__(self, given: Sequence[str]) -> None:
        super().__init__(
            f"--through-api plays one policy that a workflow can have: sequential, count:N or lead:N, such as lead:3;"
            f" not {' and '.join(given)}. Without --through-api any number of policies are compared."
        )


@dataclass(frozen=True, slots=True)
class Play:
    """How a log is played."""

    gold_share: float
    policy: str
    clients: int
    batch: int
    seed: int
    times: int


def replay(  # noqa: PLR0913, PLR0917  # one for each option of the command
    votes: Annotated[Path, typer.Argument(help="CSV file, plain or gzipped: item,worker,answer,gold.")],
    gold_share: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the items of known answer that serve as training.")
    ] = 0.1,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Shuffles of the log.")] = 20,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            callback=known_policies,
            help=f"{', '.join(POLICIES)} or willi; may be given again. [default: all that can be played]",
        ),
    ] = None,
    spammers: Annotated[
        int, typer.Option(min=0, max=100, help="Throwaway accounts on each of 5 % of the subjects.")
    ] = 0,
    machine_column: Annotated[str | None, typer.Option(help="Column with a machine's scores, 0 to 1.")] = None,
    drift: Annotated[bool, typer.Option("--drift", help="Half of the volunteers answer at random half-way.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead, for programs.")] = False,
    shuffle_seed: Annotated[int, typer.Option(min=0, help="Draws gold, order and batches the same again.")] = 1,
    through_api: Annotated[bool, typer.Option("--through-api", help="Play it through a running service.")] = False,
    url: Annotated[str, typer.Option(help="Through the service: where it listens.")] = "http://127.0.0.1:8000",
    clients: Annotated[int, typer.Option(min=1, max=256, help="Through the service: clients at once.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=100, help="Through the service: votes in a batch.")] = 20,
    twice: Annotated[bool, typer.Option("--twice", help="Through the service: send the whole log twice over.")] = False,
) -> None:
    """Compare policies over a vote log: votes per subject, errors, and the votes at equal error.

    Every policy sees the same votes in the same orders, with the same items as gold, and at each moment only gold and
    past votes. Answers other than yes and no count as unsure.

    With --through-api the log is played once, in shuffled and overlapping batches, through a running service instead,
    beside which this must run with the same CHAFFINCH_ settings. A new project is made for it, with a subject for each
    item and an importer for each worker. At the end every stored number is compared with the engine's replay of the
    ledger: the exit code is 0 when all agree and no vote is missing.
    """
    if not through_api:
        first = range(shuffle_seed, shuffle_seed + seeds)
        wanted = Wanted(policy or (), gold_share, first, spammers, drift, machine_column)
        compare_offline(votes, wanted, as_json=as_json)
        return
    play = Play(gold_share, _one_policy(policy or ["sequential"]), clients, batch, shuffle_seed, 2 if twice else 1)
    asyncio.run(_replay(votes, url, play))


def _one_policy(given: Sequence[str]) -> str:
    if len(given) != 1 or not _POLICY.fullmatch(given[0]):
        raise OnePolicyError(given)
    return given[0]


async def _replay(path: Path, url: str, play: Play) -> None:
    log = read(path)
    console.print(
        f"{path.name}: {len(log.votes)} votes of {len(log.workers)} workers on {len(log.items)} items, the answer to"
        f" {len(log.gold)} of them known; {log.repeated} rows left out that repeat an item and worker.",
        markup=False,
    )
    training = choose_gold(log, play.gold_share, np.random.default_rng(play.seed))
    _check_gold(training, play.policy)
    async with Phone(url, patience_seconds=GREETING_SECONDS) as greeting:
        await greeting.health()
    async with beside(Settings()) as house, Phone(url) as phone:
        slug = _slug(path)
        target = await _prepare(house, phone, slug, log, training, play.policy)
        feed = await LabelFeed.open(phone, slug, house.services)
        console.print(f"Dealing {len(log.votes)} cards to {len(log.workers)} importers.")
        await deal(phone, log, target, play.clients)
        tally = await _send(url, log, target, play)
        await feed.read()
        async with connect(house.database_url, "verifying") as connection:
            verification = await verify(connection, PublishedCascades(), slug)
    _report(log, tally, _outcome(log, feed.labels), len(log.items) - len(training))
    _conclude(log, tally, verification)


def choose_gold(log: VoteLog, part: float, rng: np.random.Generator) -> Mapping[int, Answer]:
    """Return the items that serve as training, with their answers.

    The same share of the true yes and the true no, and as many as the engine needs where the share is not 0.
    """
    chosen: dict[int, Answer] = {}
    for answer in (Answer.NO, Answer.YES):
        items = sorted(item for item, gold in log.gold.items() if gold is answer)
        number = min(len(items), max(GOLD_TO_PROVE, round(part * len(items)))) if part else 0
        chosen |= dict.fromkeys(rng.permutation(items)[:number].tolist(), answer)
    return chosen


def _check_gold(training: Mapping[int, Answer], policy: str) -> None:
    yes = sum(answer is Answer.YES for answer in training.values())
    no = len(training) - yes
    if policy == "sequential" and min(yes, no) < GOLD_TO_PROVE:
        raise GoldNeededError(yes, no)


async def _prepare(
    house: Beside,
    phone: Phone,
    slug: str,
    log: VoteLog,
    training: Mapping[int, Answer],
    policy: str,
) -> Target:
    """Make the project with its subjects, its cascade and a token for each worker."""
    yes = sum(answer is Answer.YES for answer in training.values())
    console.print(f"Making project {slug}: {len(training)} items are gold ({yes} yes), policy {policy}.")
    rows = [
        ManifestRow(place + 2, item, (), {}, {WORKFLOW: training[place]} if place in training else {}, {}, {})
        for place, item in enumerate(log.items)
    ]
    await import_rows(house.pool, slug, rows, title=f"Replay of {slug}")
    await house.services.publishing.publish(_declaration(slug, policy))
    ids = await subject_ids(house.pool, slug, log.items)
    source = f"import:{slug}"
    tokens = [(await house.services.tokens.issue(slug, Scope.IMPORT, source)).token for _ in log.workers]
    [workflow] = (await phone.project(slug)).workflows
    return Target(workflow.id, [ids[item] for item in log.items], tokens)


def _declaration(slug: str, policy: str) -> bytes:
    kind, _, number = policy.partition(":")
    declared = {kind: int(number)} if number else kind
    workflow = {"name": WORKFLOW, "question": "What do you see?", "level": 1, "policy": declared}
    return to_json({"project": slug, "workflows": [workflow]})


def _slug(path: Path) -> str:
    """Return a new project's short name that begins as the file's."""
    stem = re.sub(r"[^a-z0-9]+", "-", path.name.lower().removesuffix(".gz").removesuffix(".csv")).strip("-")
    return f"{stem[:40].strip('-') or 'votes'}-{secrets.token_hex(3)}"


async def _send(url: str, log: VoteLog, target: Target, play: Play) -> Tally:
    workers = np.array([vote.worker for vote in log.votes], dtype=np.int64)
    batches = cut(workers, play.batch, play.times, np.random.default_rng(play.seed))
    console.print(
        f"Sending {sum(len(batch.votes) for batch in batches)} votes in {len(batches)} batches from {play.clients}"
        f" clients{', the whole log twice' if play.times > 1 else ''}."
    )
    with Live(console=console, transient=True, auto_refresh=False) as live:
        return await send(url, log, target, batches, play.clients, _showing(live, batches))


def _showing(live: Live, batches: Sequence[Batch]) -> Callable[[Tally], None]:
    """Show how far it is: one live line on a terminal, else a line every few seconds."""
    shown_at = time.monotonic()

    def show(tally: Tally) -> None:
        nonlocal shown_at
        pause = SHOW_SECONDS if console.is_terminal else SAY_SECONDS
        if time.monotonic() - shown_at < pause:
            return
        shown_at = time.monotonic()
        line = f"{tally.requests} of {len(batches)} batches, {tally.sent} votes, {tally.sent / tally.seconds:.0f}/s"
        if console.is_terminal:
            live.update(Text(line), refresh=True)
        else:
            console.print(line)

    return show


def _outcome(log: VoteLog, labels: Sequence[LabelOut]) -> Outcome:
    known = {log.items[item]: answer for item, answer in log.gold.items()}
    return next(iter(outcomes(labels, lambda label: known.get(label.external_id)).values()), Outcome())


def _report(log: VoteLog, tally: Tally, outcome: Outcome, subjects: int) -> None:
    table = Table(show_header=False)
    for name, value in (
        ("votes in the log", str(len(log.votes))),
        ("sent", f"{tally.sent} in {tally.requests} batches"),
        ("stored", str(tally.votes_stored)),
        ("answered as duplicates", str(tally.duplicates)),
        ("stored twice", str(tally.votes_stored_twice)),
        ("rejected", counted(tally.rejected)),
        ("votes on gold", str(tally.gold_votes)),
        ("late: after the decision", str(outcome.late)),
        ("retired", f"{outcome.retired} of {subjects} subjects"),
        ("labels", counted(outcome.labelled)),
        ("by", counted(outcome.reasons)),
        ("votes per label", ratio(outcome.votes, outcome.retired)),
        ("wrong, by the log's gold", share(outcome.wrong, outcome.compared)),
        ("missed: true yes called no", share(outcome.missed, outcome.of_yes)),
        ("false alarms", share(outcome.false_alarms, outcome.of_no)),
        ("speed", f"{tally.sent / tally.seconds:.0f} votes/s over HTTP for {tally.seconds:.1f} s, repeats included"),
    ):
        table.add_row(name, value)
    console.print(table)


def _conclude(log: VoteLog, tally: Tally, verification: Verification) -> None:
    """Say whether all is as it should be; exit with 1 if not."""
    found = verification.discrepancies
    for each in found[:SHOWN_DISCREPANCIES]:
        console.print(each, markup=False)
    console.print(
        f"Replayed in the engine: {verification.votes} votes, {verification.gold_votes} on gold, {verification.stages}"
        f" subjects, {verification.labels} labels; {len(found)} discrepancies."
    )
    missing = len(log.votes) - tally.votes_stored
    if found or missing or tally.votes_stored_twice:
        fail(f"{len(found)} discrepancies, {missing} votes missing, {tally.votes_stored_twice} stored twice.")
