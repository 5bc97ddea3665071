"""A what-if in words and tables, as `chaffinch whatif` and `chaffinch publish` show it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from api.services.forecast import Budget, Changed, Forecast, GoldError, Votes, WorkflowForecast

_COLUMNS: Final = ("flipped", "reopened", "retired", "rerouted", "left_out")
_HEADS: Final = (
    *("workflow", "subjects", "retired", "flipped", "reopened", "newly retired", "rerouted", "not asked"),
    *("votes used", "saved", "more", "still asked for"),
)
_KINDS: Final = {
    "flipped": "another answer",
    "reopened": "not retired",
    "retired": "retired",
    "rerouted": "sent elsewhere",
    "left_out": "not asked",
}


def show(console: Console, forecast: Forecast, shown: int) -> None:
    """Print what a cascade would have made of the votes, with the first changes by name."""
    console.print(_heading(forecast), markup=False)
    console.print(_table(forecast.workflows))
    for line in (*_findings(forecast), *_listed(forecast.changes, shown)):
        console.print(line, markup=False)


def tree(forecast: Forecast) -> dict[str, Any]:
    """Return a forecast as JSON has it, with totals over its workflows."""
    found = asdict(forecast)
    names = ("votes_given", "retired_now", "retired_new", "saved", "more", "arriving")
    total: dict[str, Any] = {name: sum(each[name] for each in found["workflows"]) for name in names}
    for name in ("changes", "votes_now", "votes_new"):
        parts = [each[name] for each in found["workflows"]]
        total[name] = {key: sum(part[key] for part in parts) for key in (parts[0] if parts else ())}
    return {**found, "total": total}


def _heading(forecast: Forecast) -> str:
    given = sum(each.votes_given for each in forecast.workflows)
    said = f"Had this been in force instead of version {forecast.version}, over {given:,} votes"
    if forecast.share < 1:
        said += (
            f" (a sample of subjects, {_percent(forecast.share)} of them; the same every time, so figures are for the"
            f" sample; there are {forecast.votes_in_all:,} votes)"
        )
    return f"{said}:"


def _table(workflows: Sequence[WorkflowForecast]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in _HEADS:
        table.add_column(head, justify="left" if head == "workflow" else "right")
    for each in workflows:
        table.add_row(each.workflow, *_cells([each]))
    if len(workflows) > 1:
        table.add_row("in all", *_cells(workflows))
    return table


def _cells(workflows: Sequence[WorkflowForecast]) -> Iterator[str]:
    yield f"{sum(each.subjects for each in workflows):,}"
    yield _then(*(sum(getattr(each, name) for each in workflows) for name in ("retired_now", "retired_new")))
    for kind in _COLUMNS:
        yield f"{sum(each.changes[kind] for each in workflows):,}"
    now, new = ([getattr(each, name) for each in workflows] for name in ("votes_now", "votes_new"))
    yield _then(*(sum(votes.used for votes in side) for side in (now, new)))
    yield f"{sum(each.saved for each in workflows):,}"
    yield f"{sum(each.more for each in workflows):,}"
    yield _then(*(round(sum(votes.expected for votes in side)) for side in (now, new)))


def _findings(forecast: Forecast) -> Iterator[str]:
    for each in forecast.workflows:
        yield from _asked(each)
        yield from _errors(each)
        yield from (f"{each.workflow}: {note}" for note in (*_stored(each), *each.notes))
    for other in forecast.not_played:
        subjects = other.withdrawn or other.arriving
        what = "would be withdrawn" if other.withdrawn else "would come to it"
        yield f"{other.workflow} {other.why}; {subjects:,} of these subjects {what}."
    if forecast.budget:
        yield _advice(forecast.budget)


def _asked(each: WorkflowForecast) -> Iterator[str]:
    new: Votes = each.votes_new
    if new.undecided:
        yield (
            f"{each.workflow}: {new.undecided:,} subjects are undecided when their votes end. They take at least"
            f" {new.at_least:,} votes more; {new.expected:,.0f} are expected at what a vote tells here"
            f" ({each.information.yes:.2f} nats where yes is true, {each.information.no:.2f} where no is)."
        )
    if each.arriving:
        yield f"{each.workflow}: {each.arriving:,} subjects would come here that have no votes here."


def _errors(each: WorkflowForecast) -> Iterator[str]:
    now, new = each.errors_now, each.errors_new
    yield f"{each.workflow}, misses: {_counted(new.miss)}{_before(now.miss, new.miss)}."
    yield f"{each.workflow}, false alarms: {_counted(new.false_alarm)}{_before(now.false_alarm, new.false_alarm)}."
    if new.model is not None:
        was = "" if now.model is None else f" (now {_percent(now.model)})"
        yield f"{each.workflow}, by the engine's own odds: {_percent(new.model)} of its answers are wrong{was}."


def _counted(error: GoldError) -> str:
    if not error.subjects:
        return f"no votes on training subjects that are {error.truth}, so nothing can be said"
    if not error.of:
        return f"none of {error.subjects} training subjects that are {error.truth} is decided, so nothing can be said"
    said = f"{error.wrong} of {error.of} training subjects that are {error.truth}, so {_interval(error)} at 95 %"
    if error.target is None or error.enough is None or error.high <= error.target:
        return said
    enough = f"it takes {error.enough} of them without an error to show {_percent(error.target)}"
    return f"{said}; {enough}" if error.low <= error.target else f"{said}, which is more than {_percent(error.target)}"


def _before(now: GoldError, new: GoldError) -> str:
    same = (now.of, now.wrong) == (new.of, new.wrong)
    return "" if same or not now.of else f" (now {now.wrong} of {now.of}: {_interval(now)})"


def _interval(error: GoldError) -> str:
    return f"{_percent(error.low)} to {_percent(error.high)}"


def _stored(each: WorkflowForecast) -> Iterator[str]:
    """Yield why the version in force itself gives something else than what is stored."""
    whys = {
        "an expert has spoken": each.stored.by_hand,
        "a vote was taken back": each.stored.vote_taken_back,
        "they are from an older version": each.stored.under_older_version,
        "of what refits have learnt since": each.stored.recalibrated,
        "of something unknown; `chaffinch verify` may tell": each.stored.unexplained,
    }
    for why, count in whys.items():
        if count:
            yield f"{count:,} subjects are stored otherwise than the version in force decides them now, because {why}."


def _advice(budget: Budget) -> str:
    shares = ", ".join(f"{name} {_percent(share)}" for name, share in zip(budget.stages, budget.advised, strict=True))
    return (
        f"To keep a total miss of {_percent(budget.total)} over {len(budget.stages)} stages with the fewest votes, give"
        f" {shares}. As declared they add up to {_percent(budget.declared_total)}."
    )


def _listed(changes: Sequence[Changed], shown: int) -> Iterator[str]:
    for each in changes[:shown]:
        stored = "" if each.stored == each.now else f", stored as {each.stored}"
        old, new = _outcome(each.now, each.now_to), _outcome(each.new, each.new_to)
        yield f"  {each.subject} in {each.workflow}: {old} -> {new} ({_KINDS[each.kind]}{stored})"
    if len(changes) > shown:
        yield f"  and {len(changes) - shown:,} more; `chaffinch whatif --json` names all."


def _outcome(answer: str, target: str | None) -> str:
    return answer if target is None else f"{answer}, on to {target}"


def _then(now: int, new: int) -> str:
    return f"{now:,}" if now == new else f"{now:,} -> {new:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
