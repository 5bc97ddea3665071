"""What a researcher declares, checked and turned into a `Cascade`, and the canonical form in which it is kept.

`read` takes a tree of mappings, lists and scalars (from YAML or JSON), and finds all that is wrong with it in one pass:
first each value by itself, then the names, and, once every edge leads somewhere, circles and workflows that no subject
can reach; last the levels, which lean on the workflows.

`canonical` writes every value out, defaults too: a stored version keeps its meaning when a default changes later. Only
levels are left out where none is declared, so that versions from before there were any keep their digests.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from cascade.declared_levels import canonical_level, read_levels
from cascade.declared_workflow import RETIRE, read_workflow
from cascade.errors import DeclarationError, DeclarationErrors
from cascade.fields import Fields, Path, Position, Report, nowhere, shown
from cascade.graph import EXPERT, Cascade, Condition, Count, Lead, ScorePrior, Sequential, Workflow
from cascade.skill import GOLD_TO_PROVE

MOST_WORKFLOWS: Final = 50

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,58}[a-z0-9]")

Edge = tuple[Path, str, str]
"""Where an edge is written, the workflow from which it leads, and the name to which it leads."""


def read(tree: object, position: Position = nowhere) -> Cascade:
    """Return the cascade that a tree declares.

    Parameters
    ----------
    tree
        Mappings, lists and scalars. Keys are words, so `yes` and `no` have to arrive as text, never as booleans.
    position
        Gives the line and column of a path, for the errors.

    Raises
    ------
    DeclarationErrors
        All that is wrong, in the order of the text.
    """
    report = Report(position)
    top = Fields(report, (), tree, ("project", "title", "workflows", "levels"))
    project = _project(top)
    title = top.text("title", 200)
    workflows = _workflows(top)
    _check_graph(report, workflows)
    levels = read_levels(top, workflows)
    if report.errors:
        raise DeclarationErrors(report.errors)
    return Cascade(project, tuple(workflows), title, tuple(levels))


def check_gold(
    cascade: Cascade, gold_counts: Mapping[str, tuple[int, int]], position: Position = nowhere
) -> list[DeclarationError]:
    """Return an error for each sequential workflow with too little gold to prove anybody.

    Without proven volunteers nothing ever retires by consensus, so such a workflow must not be published, unless it
    declares that agreement may retire until there is gold.

    Parameters
    ----------
    gold_counts
        For each workflow's name, how many subjects have the gold answers *no* and *yes*.
    """
    report = Report(position)
    for index, workflow in enumerate(cascade.workflows):
        no, yes = gold_counts.get(workflow.name, (0, 0))
        if isinstance(workflow.policy, Sequential) and min(no, yes) < GOLD_TO_PROVE and not workflow.cold:
            problem = f"is sequential, and {workflow.name} has gold for {yes} yes and {no} no"
            remedy = (
                f"add gold until there are {GOLD_TO_PROVE} of each, or write `cold: agreement`, which retires what"
                " volunteers agree on until there is, or {lead: 3}, which needs none"
            )
            report.add(("workflows", index, "policy"), problem, remedy)
    return report.errors


def canonical(cascade: Cascade) -> dict[str, object]:
    """Return the tree that `read` turns into this cascade again, with every default written out, ready for JSON."""
    workflows = [canonical_workflow(workflow) for workflow in cascade.workflows]
    levels = [canonical_level(level) for level in cascade.levels] or None
    return _given({"project": cascade.project, "title": cascade.title, "workflows": workflows, "levels": levels})


def canonical_workflow(workflow: Workflow) -> dict[str, object]:
    """Return one workflow of the canonical tree: all that its policy uses, and nothing else."""
    then, when = workflow.then, workflow.when
    tree: dict[str, object] = {
        "name": workflow.name,
        "question": workflow.question,
        "guide": workflow.guide,
        "level": "expert" if workflow.level == EXPERT else workflow.level,
        **_canonical_policy(workflow),
        "cold": "agreement" if workflow.cold else None,
        "blank": workflow.blank,
        "flag": workflow.flag,
        "audit": float(workflow.audit),
        "fastest_ms": workflow.fastest_ms,
        "then": {"yes": then.yes or RETIRE, "no": then.no or RETIRE, "contested": then.contested or RETIRE},
        "when": when and _canonical_condition(when),
        "else": when and (workflow.otherwise or RETIRE),
    }
    return _given(tree)


def digest(cascade: Cascade) -> str:
    """Return the SHA-256 of the canonical form, in hexadecimal: what means the same has the same digest."""
    text = json.dumps(canonical(cascade), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _given(tree: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in tree.items() if value is not None}


def _canonical_policy(workflow: Workflow) -> dict[str, object]:
    votes, prior = workflow.votes, workflow.prior
    match workflow.policy:
        case Count(count):
            return {"policy": {"count": count}}
        case Lead(lead):
            return {"policy": {"lead": lead}, "votes": {"max": votes.maximum}}
        case Sequential():
            return {
                "policy": "sequential",
                "miss": float(workflow.miss),
                "false_alarm": float(workflow.false_alarm),
                "votes": {"min": votes.minimum, "max": votes.maximum, "contested": votes.contested},
                "prior": _canonical_prior(prior),
            }


def _canonical_prior(prior: float | ScorePrior) -> object:
    if not isinstance(prior, ScorePrior):
        return float(prior)
    return {"score": prior.score, "calibrate": prior.calibrate, "people": float(prior.people)}


def _canonical_condition(when: Condition) -> dict[str, object]:
    low = None if when.at_least is None else float(when.at_least)
    high = None if when.at_most is None else float(when.at_most)
    return _given({when.source: when.key, "at_least": low, "at_most": high, "equals": when.equals})


def _project(top: Fields) -> str:
    remedy = "write 2 to 60 lower-case letters, digits and hyphens, without a hyphen at either end"
    top.require("project", remedy)
    slug = top.text("project", 200)
    if slug is not None and not _SLUG.fullmatch(slug):
        top.refuse("project", f"is {shown(slug)}", remedy)
    return slug or ""


def _workflows(top: Fields) -> list[Workflow]:
    """Read the list of workflows; a place in the result is the same place in the tree."""
    remedy = f"write a list of 1 to {MOST_WORKFLOWS} workflows, each beginning with `- name:`"
    trees = top.value("workflows")
    if not top.require("workflows", remedy):
        return []
    if not isinstance(trees, list):
        top.refuse("workflows", f"is {shown(trees)}", remedy)
        return []
    if not 1 <= len(trees) <= MOST_WORKFLOWS:
        top.refuse("workflows", f"has {len(trees)} workflows", remedy)
        return []
    return [read_workflow(top.report, ("workflows", index), tree) for index, tree in enumerate(trees)]


def _check_graph(report: Report, workflows: Sequence[Workflow]) -> None:
    """Check names and edges, and the shape of the graph only where these can be trusted."""
    places: dict[str, int] = {}
    for index, workflow in enumerate(workflows):
        first = places.setdefault(workflow.name, index)
        if first != index and workflow.name:
            problem = f"is {workflow.name!r}, the name of workflows[{first}] too"
            report.add(("workflows", index, "name"), problem, "give every workflow a name of its own")
    edges = list(_edges(workflows))
    for path, _source, target in edges:
        if target not in places:
            report.add(path, f"is {shown(target)}, which is no workflow", _nearest(target, places))
    parts = [("workflows", n, key) for n in range(len(workflows)) for key in ("name", "then", "when", "else")]
    if workflows and all(report.sound(part) for part in parts):
        _check_shape(report, workflows, edges, places)


def _edges(workflows: Sequence[Workflow]) -> Iterator[Edge]:
    for index, workflow in enumerate(workflows):
        then = workflow.then
        for key, target in (("yes", then.yes), ("no", then.no), ("contested", then.contested)):
            if target is not None:
                yield ("workflows", index, "then", key), workflow.name, target
        if workflow.otherwise is not None:
            yield ("workflows", index, "else"), workflow.name, workflow.otherwise


def _nearest(target: str, names: Mapping[str, int]) -> str:
    words = [*filter(None, names), RETIRE]
    nearest = get_close_matches(target, words, n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"write one of {', '.join(words)}"


def _check_shape(
    report: Report, workflows: Sequence[Workflow], edges: Sequence[Edge], places: Mapping[str, int]
) -> None:
    """Report each edge that closes a circle, and each workflow to which no way leads from the first."""
    leaving: dict[str, list[tuple[Path, str]]] = {name: [] for name in places}
    for path, source, target in edges:
        leaving[source].append((path, target))
    reached: set[str] = set()
    for name in places:
        if name in reached:
            continue
        if name != workflows[0].name:
            problem = f"is never reached: no way leads from {workflows[0].name}, the first workflow, to {name}"
            report.add(("workflows", places[name]), problem, "lead an edge to it, or remove it")
        _walk(report, leaving, [name], reached)


def _walk(report: Report, leaving: Mapping[str, Sequence[tuple[Path, str]]], way: list[str], reached: set[str]) -> None:
    """Follow all edges from the end of a way, depth first, and report those that lead back onto it."""
    reached.add(way[-1])
    for path, target in leaving[way[-1]]:
        if target in way:
            circle = " -> ".join([*way[way.index(target) :], target])
            report.add(path, f"closes a circle: {circle}", "lead the edge to a later workflow, or to retire")
        elif target not in reached:
            _walk(report, leaving, [*way, target], reached)
