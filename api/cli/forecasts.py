"""A what-if in words and tables, as `chaffinch whatif` and `chaffinch publish` show it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from api.services.forecast import Budget, Changed, Forecast, GoldError, WorkflowForecast

_KINDS: Final = {
    "flipped": "another answer",
    "reopened": "no longer retired",
    "retired": "newly retired",
    "rerouted": "sent elsewhere",
    "left_out": "not asked",
}

Row = tuple[str, str, str]


def show(console: Console, forecast: Forecast, shown: int) -> None:
    """Print what a cascade would have made of the votes, with the first changes by name."""
    console.print(_heading(forecast), markup=False)
    if forecast.workflows:
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
    if not forecast.workflows:
        return "No workflow keeps its name and question, so there are no votes that could be played again:"
    given = sum(each.votes_given for each in forecast.workflows)
    said = f"Had this been in force instead of version {forecast.version}, by {given:,} votes"
    if forecast.share < 1:
        said += (
            f" of {forecast.votes_in_all:,} (a sample, {percent(forecast.share)} of all subjects and the same every"
            " time; figures are for the sample)"
        )
    return f"{said}:"


def _table(workflows: Sequence[WorkflowForecast]) -> Table:
    table = Table("workflow", "", box=None, pad_edge=False)
    table.add_column("now", justify="right")
    table.add_column("would be", justify="right")
    for each in workflows:
        for place, row in enumerate((*_sums([each]), *_errors(each))):
            table.add_row("" if place else each.workflow, *row)
    if len(workflows) > 1:
        for place, row in enumerate(_sums(workflows)):
            table.add_row("" if place else "in all", *row)
    return table


def _sums(workflows: Sequence[WorkflowForecast]) -> Iterator[Row]:
    subjects = sum(each.subjects for each in workflows)
    now, new = (sum(getattr(each, name) for each in workflows) for name in ("retired_now", "retired_new"))
    yield f"retired, of {subjects:,}", f"{now:,}", f"{new:,}"
    for what, field in (("votes used", "used"), ("still needed, at least", "at_least"), ("expected", "expected")):
        sides = [sum(getattr(getattr(each, side), field) for each in workflows) for side in ("votes_now", "votes_new")]
        yield what, f"{sides[0]:,.0f}", f"{sides[1]:,.0f}"


def _errors(each: WorkflowForecast) -> Iterator[Row]:
    now, new = each.errors_now, each.errors_new
    yield "misses on gold, 95 %", _counted(now.miss), _counted(new.miss)
    yield "false alarms, 95 %", _counted(now.false_alarm), _counted(new.false_alarm)
    if now.model is not None or new.model is not None:
        before, after = ("-" if error is None else percent(error) for error in (now.model, new.model))
        yield "wrong, by its own odds", before, after


def _counted(error: GoldError) -> str:
    """Return errors with their 95 % interval."""
    if not error.of:
        return "none decided"
    return f"{error.wrong} of {error.of} ({percent(error.low).removesuffix(' %')} to {percent(error.high)})"


def _findings(forecast: Forecast) -> Iterator[str]:
    for each in forecast.workflows:
        yield f"{each.workflow}: {_changes(each)}"
        yield from (f"{each.workflow}: {said}" for said in (*_asked(each), *_gold(each), *_stored(each), *each.notes))
    for other in forecast.not_played:
        if other.withdrawn is None:
            follows = f"at least {counted(other.arriving or 0, 'subject')} would have come to it"
        else:
            follows = f"{counted(other.withdrawn, 'undecided subject')} would be withdrawn"
        yield f"{other.workflow} {other.why}; {follows}."
    if forecast.budget:
        yield _advice(forecast.budget)


def _changes(each: WorkflowForecast) -> str:
    counts = [f"{each.changes[kind]:,} {what}" for kind, what in _KINDS.items() if each.changes[kind]]
    changed = f"of {counted(each.subjects, 'subject')} {', '.join(counts)}" if counts else "no subject changes"
    return f"{changed}; {counted(each.saved, 'vote')} would be saved, and {each.more:,} more used of those that came."


def _asked(each: WorkflowForecast) -> Iterator[str]:
    new, told = each.votes_new, each.information
    if new.undecided:
        yield (
            f"at the end of the votes {counted(new.undecided, 'subject')} would be undecided, which takes at least"
            f" {counted(new.at_least, 'vote')} more. Expected: {new.expected:,.0f}, as a vote tells {told.yes:.2f} nats"
            f" here where yes is true, and {told.no:.2f} where no is."
        )
    if each.arriving:
        yield f"{counted(each.arriving, 'subject')} would come here without any votes to play."


def _gold(each: WorkflowForecast) -> Iterator[str]:
    """Yield where gold does not show that a target is kept."""
    for what, error in (("misses", each.errors_new.miss), ("false alarms", each.errors_new.false_alarm)):
        if error.target is None or error.high <= error.target:
            continue
        if error.low > error.target:
            yield f"more {what} than the {percent(error.target)} declared, by its training subjects."
        else:
            yield (
                f"too few training subjects are {error.truth} to say whether {what} stay below"
                f" {percent(error.target)}; it takes {error.enough} that are decided without an error."
            )


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
            yield f"stored otherwise than the version in force decides now: {counted(count, 'subject')}, because {why}."


def _advice(budget: Budget) -> str:
    shares = ", ".join(f"{name} {percent(share)}" for name, share in zip(budget.stages, budget.advised, strict=True))
    return (
        f"To keep a total miss of {percent(budget.total)} over {len(budget.stages)} stages with the fewest votes, give"
        f" {shares}. As declared they add up to {percent(budget.declared_total)}."
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


def counted(count: int, what: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def percent(share: float) -> str:
    """Return a share in per cent, with two figures where it is small."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
