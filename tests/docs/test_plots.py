"""The plots of the documentation, from figures as the benchmark writes them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.plots import NAMES, NoFiguresError, draw

POLICY = {
    "votes_at_majority_error": 2.5,
    "votes_at_majority_error_interval": [2.0, None],
    "curve": [[1.0, 0.2], [3.0, 0.1]],
}
LOG = {
    "log": "crowd <1>",
    "subjects": 80,
    "votes_available": 720,
    "majority_all": {"error": 0.1},
    "policies": {**dict.fromkeys(NAMES, POLICY), "count": {**POLICY, "votes_at_majority_error": None}},
    "calibration": {"nominal": 0.05, "error_among_retired": 0.04, "upper95": None},
    "sybil": {"policies": {"sequential": {"flipped_share": 0.1}}},
}


@pytest.mark.parametrize("tree", [LOG, {"engine": {"logs": {"crowd": LOG, "other": {**LOG, "sybil": None}}}}])
def test_plots_are_drawn_of_one_log_and_of_many(tree: object, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps(tree))

    drawn = draw(figures, tmp_path / "plots")

    assert [path.name for path in drawn] == ["weight.svg", "curves.svg", "votes.svg", "promise.svg", "spam.svg"]
    for path in drawn:
        root = ElementTree.fromstring(path.read_text())
        assert root.find("{http://www.w3.org/2000/svg}title") is not None


def test_a_file_without_figures_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")

    for path in (tmp_path / "none.json", tmp_path / "empty.json"):
        with pytest.raises(NoFiguresError, match="make it by `python -m benchmarks engine --json"):
            draw(path, tmp_path)
