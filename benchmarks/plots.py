"""The plots of `docs/engine.md`, from what ``benchmarks engine --json`` or ``chaffinch replay --json`` wrote."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.svg import FAINT, INK, Axis, Panel, drawing, key, text
from cascade.dawid_skene import increments
from cascade.skill import CLIP, MICRO, PRIOR, looks
from cascade.vocabulary import Answer

FOLDER: Final = Path("docs/engine")

NAMES: Final = {
    "count": "a fixed number",
    "lead": "lead by m",
    "first-two-agree": "first two agree",
    "swap": "SWAP",
    "gravity-spy": "Gravity Spy",
    "sequential": "Chaffinch",
    "oracle": "oracle",
}
COLOURS: Final = {
    "count": "#999999",
    "lead": "#e69f00",
    "first-two-agree": "#cc79a7",
    "swap": "#009e73",
    "gravity-spy": "#56b4e9",
    "sequential": "#d55e00",
    "oracle": "#0072b2",
}
"""Colours that people with any colour vision can tell apart (Okabe and Ito)."""

_WIDTH: Final = 760
_ROW: Final = 26
_PANEL: Final = (300, 170)

Log = Mapping[str, Any]


class NoFiguresError(Exception):
    """There is no file of figures."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} has no figures of the engine; make it by `python -m benchmarks engine --json {path}`")


def draw(figures: Path, folder: Path = FOLDER) -> list[Path]:
    """Write all plots into a folder; return their paths. The figures are those of many logs, or of one.

    Raises
    ------
    NoFiguresError
        The file is not there, or holds no figures of the engine.
    """
    try:
        tree = json.loads(figures.read_text())
        logs = [tree] if "policies" in tree else list(tree["engine"]["logs"].values())
    except (OSError, ValueError, KeyError) as error:
        raise NoFiguresError(figures) from error
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"weight": weight(), "curves": curves(logs), "votes": votes(logs), "promise": promise(logs)}
    if any(log["sybil"] for log in logs):
        drawn["spam"] = spam([log for log in logs if log["sybil"]])
    paths = []
    for name, content in drawn.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_text(content)
    return paths


def weight() -> str:
    """Plot what a yes weighs, by how many training subjects its volunteer has answered, and how well."""
    panel = Panel(60, 50, 660, 240, Axis(0, 40, range(0, 41, 5)), Axis(0, 3, (0, 1, 2, 3)), "weight of a yes, in nats")
    shown = {0.9: COLOURS["sequential"], 0.75: COLOURS["oracle"], 0.6: COLOURS["swap"]}
    for share, colour in shown.items():
        for proven, points in _runs(share):
            panel.line(points, colour, width=2.5 if proven else 1.5, dashes="" if proven else "3 4")
    panel.line(((0, CLIP / MICRO), (40, CLIP / MICRO)), INK, dashes="1 3")
    legend = key([(f"right on {share:.0%}", colour, False) for share, colour in shown.items()], 70, 345)
    below = text(390, 322, "training subjects answered, of each truth", "middle")
    dashed = text(470, 345, "dotted: not proven yet")
    return drawing(_WIDTH, 360, "What a vote weighs", [panel.drawn(), below, legend, dashed])


def _runs(share: float) -> Iterator[tuple[bool, list[tuple[float, float]]]]:
    """Yield stretches of a volunteer's way, each with whether they are proven there."""
    answered = np.linspace(0, 40, 161)
    counts = np.zeros((len(answered), 2, len(Answer)))
    for truth in (Answer.NO, Answer.YES):
        counts[:, truth, truth], counts[:, truth, 1 - truth] = share * answered, (1 - share) * answered
    proven = looks(counts)
    if_yes, if_no = increments(counts, PRIOR / 100, proven)
    nats = (if_yes - if_no)[:, Answer.YES]
    ends = [0, *(np.flatnonzero(np.diff(proven)) + 1).tolist(), len(answered)]
    for start, end in pairwise(ends):
        until = min(end + 1, len(answered))
        yield bool(proven[start]), list(zip(answered[start:until].tolist(), nats[start:until].tolist(), strict=True))


def curves(logs: Sequence[Log]) -> str:
    """Plot the error against votes per subject, one panel for each log."""
    panels = []
    for place, log in enumerate(logs):
        left, top = 60 + 370 * (place % 2), 60 + 250 * (place // 2)
        panels.append(_curve_panel(log, left, top).drawn())
    height = 60 + 250 * -(-len(logs) // 2)
    legend = key([(NAMES[name], COLOURS[name], False) for name in NAMES], 30, 22)
    below = text(_WIDTH / 2, height - 8, "votes per subject (beside those on gold)", "middle")
    return drawing(_WIDTH, height, "Error against votes per subject, by log and policy", [legend, *panels, below])


def _curve_panel(log: Log, left: float, top: float) -> Panel:
    points = [point for row in log["policies"].values() for point in row["curve"]]
    most = max(0.02, log["majority_all"]["error"] * 2.5)
    axis_x = _counting(max((point[0] for point in points), default=10))
    axis_y = Axis(0, most, _few(most), written="{:.0%}".format if most > 0.1 else "{:.1%}".format)
    panel = Panel(left, top, *_PANEL, axis_x, axis_y, log["log"])
    level = log["majority_all"]["error"]
    panel.line(((axis_x.least, level), (axis_x.most, level)), INK, dashes="1 3")
    for name in filter(log["policies"].__contains__, NAMES):
        ours = name == "sequential"
        within = [point for point in log["policies"][name]["curve"] if point[1] <= most and point[0] >= 1]
        panel.line(within, COLOURS[name], width=3 if ours else 1.5, dashes="6 3" if name == "oracle" else "")
    return panel


def votes(logs: Sequence[Log]) -> str:
    """Plot the votes per subject at which each policy errs as often as the majority of all votes."""
    return _rows(
        logs,
        "votes_at_majority_error",
        _counting(max(log["votes_available"] / log["subjects"] for log in logs)),
        "votes per subject at the error of the majority of all votes",
    )


def _rows(logs: Sequence[Log], figure: str, axis: Axis, title: str) -> str:
    """Plot a figure of each policy as dots, a row for each log; a bar is the interval of ours."""
    panel = Panel(120, 60, 600, _ROW * len(logs), axis, _names(logs), title)
    for place, log in enumerate(logs):
        height = _height(logs, place)
        bar = log["policies"]["sequential"].get(f"{figure}_interval") if "sequential" in log["policies"] else None
        if bar is not None:
            panel.line(((bar[0] or axis.least, height), (bar[1] or axis.most, height)), COLOURS["sequential"], width=5)
        for name in filter(log["policies"].__contains__, NAMES):
            value = log["policies"][name][figure]
            if value is not None:
                said = f"{NAMES[name]} on {log['log']}: {value:.2f}"
                panel.dot(value, height, COLOURS[name], said, hollow=name == "oracle")
    legend = key([(NAMES[name], COLOURS[name], name == "oracle") for name in NAMES], 30, 22)
    return drawing(_WIDTH, 100 + _ROW * len(logs), title, [legend, panel.drawn()])


def promise(logs: Sequence[Log]) -> str:
    """Plot the error among what was retired at nominal 5 %, beside the bound that was stated."""
    title = "error among the retired at nominal 5 %"
    told = [log for log in logs if log["calibration"]]
    most = max([0.1, *(log["calibration"]["upper95"] or 0 for log in told)])
    axis = Axis(0, most, _few(most), written="{:.0%}".format)
    panel = Panel(120, 60, 600, _ROW * len(told), axis, _names(told), title)
    panel.line(((0.05, 0), (0.05, 1)), INK, dashes="4 3")
    for place, log in enumerate(told):
        height, found = _height(told, place), log["calibration"]
        bound = found["upper95"]
        if bound is not None:
            panel.line(((found["error_among_retired"], height), (bound, height)), FAINT, width=5)
            panel.dot(bound, height, COLOURS["oracle"], f"stated on {log['log']}: at most {bound:.1%}", hollow=True)
        said = f"made on {log['log']}: {found['error_among_retired']:.1%}"
        panel.dot(found["error_among_retired"], height, COLOURS["sequential"], said)
    legend = key((("made", COLOURS["sequential"], False), ("stated at most", COLOURS["oracle"], True)), 130, 22)
    return drawing(_WIDTH, 100 + _ROW * len(told), title, [legend, panel.drawn()])


def spam(logs: Sequence[Log]) -> str:
    """Plot how many targets throwaway accounts flip, by policy."""
    title = "targets flipped by six throwaway accounts each"
    axis = Axis(0, 1, (0, 0.25, 0.5, 0.75, 1), written="{:.0%}".format)
    panel = Panel(120, 60, 600, _ROW * len(logs), axis, _names(logs), title)
    for place, log in enumerate(logs):
        for name in filter(log["sybil"]["policies"].__contains__, NAMES):
            share = log["sybil"]["policies"][name]["flipped_share"]
            if share is not None:
                said = f"{NAMES[name]} on {log['log']}: {share:.0%}"
                panel.dot(share, _height(logs, place), COLOURS[name], said, hollow=name == "oracle")
    legend = key([(NAMES[name], COLOURS[name], name == "oracle") for name in NAMES], 30, 22)
    return drawing(_WIDTH, 100 + _ROW * len(logs), title, [legend, panel.drawn()])


def _names(logs: Sequence[Log]) -> Axis:
    """Return an axis on which each log has a height of its own."""
    names = {_height(logs, place): str(log["log"]) for place, log in enumerate(logs)}
    return Axis(0, 1, list(names), written=names.__getitem__)


def _height(logs: Sequence[Log], place: int) -> float:
    return 1 - (place + 0.5) / len(logs)


def _counting(most: float) -> Axis:
    """Return a logarithmic axis of votes, from 1."""
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100) if tick <= most]
    return Axis(1, max(most, 2), ticks, logarithmic=True)


def _few(most: float) -> list[float]:
    """Return round steps up to a value, four at most."""
    step = next(step for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most / step <= 4)
    return [step * number for number in range(int(most / step) + 1)]
