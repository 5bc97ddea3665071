"""The reading of declared levels: what each asks for, and what must agree with the workflows.

A level that no workflow asks for would open nothing, so it is refused, as everything is that has no effect. Levels that
workflows ask for and nobody declares are granted by hand, and so is the level of experts.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from cascade.fields import Fields, Path, Report, plain, shown
from cascade.graph import EXPERT, Level, Sequential, Workflow

KEYS: Final = (
    *("level", "name", "from", "skill", "keep", "gold", "votes", "days", "talk"),
    *("grant", "lasts_days", "probation_days"),
)
GRANTS: Final = ("moderator", "automatic")
"""Who grants a level to whoever has reached it, the default first."""

LOWEST: Final = 2
"""Everybody holds the level below."""

FEWEST_GOLD: Final = 8
"""Training answers of each truth that every level asks for: as many as what is believed of a newcomer weighs."""

LEAST_SKILL: Final = 0.5
MOST_SKILL: Final = 0.99
MOST: Final = 1_000_000
MOST_DAYS: Final = 3650

_DEFAULT: Final = Level(LOWEST, ())


def read_levels(top: Fields, workflows: Sequence[Workflow]) -> list[Level]:
    """Return the declared levels; where something was reported, a default stands in its place."""
    trees = top.value("levels")
    if "levels" not in top:
        return []
    if not isinstance(trees, list):
        top.refuse("levels", f"is {shown(trees)}", "write a list of levels, each beginning with `- level:`")
        return []
    report = top.report
    sound = bool(workflows) and report.sound(("workflows",))
    levels: list[Level] = []
    for index, tree in enumerate(trees):
        path: Path = ("levels", index)
        level = _read_level(report, path, tree, workflows if sound else ())
        if sound and report.sound((*path, "level")):
            _check_place(report, path, level.level, levels, workflows)
        levels.append(level)
    return levels


def canonical_level(level: Level) -> dict[str, object]:
    """Return one level of the canonical tree; what is not given is left out."""
    tree: dict[str, object] = {
        "level": level.level,
        "name": level.name,
        "from": list(level.workflows),
        "skill": float(level.skill),
        "keep": float(level.keep),
        "gold": level.gold,
        "votes": level.votes,
        "days": level.days,
        "talk": level.talk,
        "grant": "automatic" if level.automatic else "moderator",
        "lasts_days": level.lasts_days,
        "probation_days": level.probation_days,
    }
    return {key: value for key, value in tree.items() if value is not None}


def _read_level(report: Report, path: Path, tree: object, workflows: Sequence[Workflow]) -> Level:
    fields = Fields(report, path, tree, KEYS)
    number = _number(fields)
    lasts, probation = _days(fields, "lasts_days"), _days(fields, "probation_days")
    if fields.sound and lasts is not None and probation is not None and probation > lasts:
        problem = f"is {probation}, longer than the level lasts"
        fields.refuse("probation_days", problem, f"write at most {lasts}, or a longer lasts_days")
    skill, keep = _skill(fields)
    return Level(
        level=number,
        name=fields.text("name", 60),
        workflows=_from(fields, number, workflows),
        skill=skill,
        keep=keep,
        gold=fields.whole("gold", FEWEST_GOLD, MOST, _DEFAULT.gold),
        votes=fields.whole("votes", 0, MOST, _DEFAULT.votes),
        days=fields.whole("days", 0, MOST_DAYS, _DEFAULT.days),
        talk=fields.whole("talk", 0, MOST, _DEFAULT.talk),
        automatic=_automatic(fields),
        lasts_days=lasts,
        probation_days=probation,
    )


def _number(fields: Fields) -> int:
    remedy = f"write a number from {LOWEST} to {EXPERT - 1}"
    fields.require("level", remedy)
    if fields.value("level") == "expert":
        fields.refuse("level", "is expert, which is granted by hand", f"{remedy}, or remove it")
        return LOWEST
    return fields.whole("level", LOWEST, EXPERT - 1, LOWEST)


def _days(fields: Fields, key: str) -> int | None:
    return fields.whole(key, 1, MOST_DAYS, 1) if key in fields else None


def _skill(fields: Fields) -> tuple[float, float]:
    """Read what is asked for and what is enough to keep it, which has to be lower."""
    skill = fields.number("skill", LEAST_SKILL, MOST_SKILL, _DEFAULT.skill)
    keep = fields.number("keep", 0, MOST_SKILL, _DEFAULT.keep)
    sound = fields.report.sound(fields.at("skill")) and fields.report.sound(fields.at("keep"))
    if sound and keep >= skill:
        unwritten = "" if "keep" in fields else " when it is not written"
        problem = f"is {plain(keep)}{unwritten}, not below skill, {plain(skill)}"
        fields.refuse("keep", problem, "write a lower number, so that a level just reached is not lost by one answer")
    return skill, keep


def _automatic(fields: Fields) -> bool:
    grant = fields.value("grant")
    if "grant" in fields and grant not in GRANTS:
        fields.refuse("grant", f"is {shown(grant)}", "write moderator or automatic")
    return grant == "automatic"


def _from(fields: Fields, level: int, workflows: Sequence[Workflow]) -> tuple[str, ...]:
    """Read in which workflows skill is shown: by default in all sequential ones that are open below the level."""
    below = {workflow.name: workflow for workflow in workflows if workflow.level < level}
    if "from" not in fields:
        names = tuple(name for name, each in below.items() if isinstance(each.policy, Sequential))
        if workflows and not names and fields.report.sound(fields.at("level")):
            problem = f"is missing, and no sequential workflow is open below level {level}"
            fields.refuse("from", problem, "write from: with the workflows in whose training skill is shown")
        return names
    written = fields.value("from")
    if not isinstance(written, list) or not written or not all(isinstance(name, str) for name in written):
        fields.refuse("from", f"is {shown(written)}", "write a list of the workflows in whose training skill is shown")
        return ()
    if workflows:
        places = {workflow.name: workflow for workflow in workflows}
        for name, problem, remedy in _unfit(written, level, places):
            fields.refuse("from", f"names {shown(name)}, {problem}", remedy)
    return tuple(written)


def _unfit(names: Sequence[str], level: int, workflows: Mapping[str, Workflow]) -> Iterator[tuple[str, str, str]]:
    """Yield each name that cannot stand there, why, and what would be right."""
    for place, name in enumerate(names):
        workflow = workflows.get(name)
        if workflow is None:
            nearest = get_close_matches(name, workflows, n=1)
            remedy = f"did you mean {nearest[0]}?" if nearest else f"the workflows are {', '.join(workflows)}"
            yield name, "which is no workflow", remedy
        elif name in names[:place]:
            yield name, "which stands there already", "name each workflow once"
        elif workflow.level >= level:
            problem = "which nobody is asked who does not hold the level yet"
            yield name, problem, f"name workflows below level {level}"


def _check_place(
    report: Report, path: Path, level: int, before: Sequence[Level], workflows: Sequence[Workflow]
) -> None:
    if before and level <= before[-1].level:
        problem = f"is {level}, after {before[-1].level}"
        report.add((*path, "level"), problem, "list the levels from the lowest up, each once")
    asked = sorted({workflow.level for workflow in workflows if LOWEST <= workflow.level < EXPERT})
    if level not in asked:
        remedy = f"write {' or '.join(map(str, asked))}" if asked else "let a workflow ask for it"
        report.add((*path, "level"), f"is {level}, and no workflow asks for it, so it would open nothing", remedy)
