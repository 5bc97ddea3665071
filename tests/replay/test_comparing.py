"""A comparison is the same for the same seeds, and its figures are what a count by hand gives."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from api.cli.comparing import NothingKnownError, NothingToJudgeError, ScoresNeededError, Wanted, compare_offline
from api.cli.replaying import replay
from api.replay.comparing import Comparison, Marks, Setup, compare, processes
from api.replay.figures import Figures, figures, interval
from api.replay.streams import Ballots
from api.replay.vote_logs import WrongVoteLogError
from tests.replay.crowds import a_crowd

STABLE = {
    "votes_per_subject",
    "error",
    "miss",
    "false_alarm",
    "retired_share",
    "p95_votes",
    "votes_at_majority_error",
    "votes_at_dawid_skene_error_plus_1pp",
}


def a_log(folder: Path, ballots: Ballots, score: str | None = None) -> Path:
    path = folder / "crowd.csv"
    extra = ("", "") if score is None else (",score", f",{score}")
    rows = [
        f"s{subject},v{volunteer},{('no', 'yes')[answer]},{('no', 'yes', '')[truth]}{extra[1]}"
        for subject, volunteer, answer, truth in zip(
            ballots.subject, ballots.volunteer, ballots.answer, ballots.truth[ballots.subject], strict=True
        )
    ]
    path.write_text("\n".join([f"item,worker,answer,gold{extra[0]}", *rows]) + "\n")
    return path


def a_request(*policies: str, gold_share: float = 0.1, column: str | None = None) -> Wanted:
    return Wanted(policies, gold_share, range(1, 3), 0, False, column)


def test_the_same_seeds_give_the_same_figures_in_one_process_and_in_several() -> None:
    log, setup = a_crowd(unknown=10), Setup(("swap", "sequential", "oracle"), spammers=6, growth=3, swept=False)

    alone = compare(log, setup, range(2))
    with processes() as pool:
        together = compare(log, setup, range(2), run=pool.map)

    assert figures("a", alone, 720, 0.1) == figures("a", together, 720, 0.1)
    assert figures("a", alone, 720, 0.1) != figures("a", compare(log, setup, range(2, 4)), 720, 0.1)


def test_a_crowd_that_is_always_right_is_never_wrong_until_throwaway_accounts_come() -> None:
    setup = Setup(("count", "lead", "first-two-agree", "sequential"), spammers=6, swept=False)

    tree = figures("a", compare(a_crowd(right=1.0), setup, range(2)), 720, 0.1)

    for name, votes in (("count", 5.0), ("lead", 3.0), ("first-two-agree", 2.0)):
        found = tree["policies"][name]
        assert (found["votes_per_subject"], found["error"], found["retired_share"]) == (votes, 0.0, 1.0)
        assert tree["sybil"]["policies"][name]["flipped_share"] == 1.0
    assert tree["majority_all"] == tree["dawid_skene_all"] == {"error": 0.0}
    assert tree["sybil"]["flipped_share"] == 0.0
    assert tree["policies"]["sequential"]["error"] == 0.0


def test_votes_at_equal_error_are_read_off_between_settings() -> None:
    """Two subjects; settings of 1, 3 and 5 votes with 1, .5 and 0 errors on the first, none on the other."""
    votes = np.array([[9.0, 9], [1, 1], [3, 3], [5, 5]])
    wrong = np.array([[0.0, 0], [1, 0], [0.5, 0], [0, 0]])
    one = np.ones(2)
    marks = {"lead": Marks(votes, wrong, np.zeros((4, 2)), np.zeros((4, 2)), (9.0,))}
    nothing: tuple[float, ...] = (float("nan"),)
    apart = np.zeros((0, 3), dtype=np.int64)
    errors = (np.array([0.4, 0]), one)
    comparison = Comparison(np.array([1, 0]), 1, 0, one, one, *errors, marks, {}, nothing, nothing, apart)

    read_off = Figures(comparison).votes_at_majority_error("lead")

    assert read_off[0] == pytest.approx(3.4)  # an error of .2 is a fifth of the way from .25 to 0
    assert Figures(comparison).votes_at("lead", np.full(401, -1.0))[0] == np.inf
    assert figures("a", comparison, 2, 0)["policies"]["lead"]["miss"] == 0.0


def test_an_interval_holds_95_percent_of_the_samples_and_may_have_no_end() -> None:
    samples = np.arange(1000.0)

    assert interval(np.append(500.0, samples)) == [24.0, 974.0]
    assert interval(np.append(500.0, np.where(samples > 900, np.inf, samples))) == [24.0, None]
    assert interval(np.append(np.inf, samples)) is None


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(replay)
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_document_has_exactly_the_keys_that_are_promised(tmp_path: Path) -> None:
    log = a_log(tmp_path, a_crowd())

    tree = json.loads(run(str(log), "--json", "--seeds", "1", "--spammers", "6"))

    assert {key: tree[key] for key in ("log", "subjects", "votes_available", "seeds", "gold_share")} == {
        "log": "crowd",
        "subjects": 80,
        "votes_available": 720,
        "seeds": 1,
        "gold_share": 0.1,
    }
    assert list(tree["policies"]) == ["count", "lead", "first-two-agree", "swap", "gravity-spy", "sequential", "oracle"]
    assert all(set(found) >= STABLE for found in tree["policies"].values())
    assert set(tree["calibration"]) >= {"nominal", "error_among_retired", "upper95"}
    assert 0 <= tree["calibration"]["oracle_retired_share_same_errors"] <= 1
    assert tree["calibration"]["nominal"] == 0.05
    assert isinstance(tree["sybil"]["flipped_share"], float)
    assert json.loads(run(str(log), "--json", "--seeds", "1", "--policy", "lead"))["sybil"] is None


def test_a_machine_column_adds_its_rule_and_ours_without_it(tmp_path: Path) -> None:
    log = a_log(tmp_path, a_crowd(subjects=40), score="0.5")

    tree = json.loads(run(str(log), "--json", "--seeds", "1", "--machine-column", "score", "--gold-share", "0.3"))

    votes = {name: found["votes_per_subject"] for name, found in tree["policies"].items()}
    assert votes["willi"] < votes["first-two-agree"]
    assert votes["sequential"] == votes["sequential-without-scores"]


def test_what_cannot_be_compared_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    nothing_known, few = a_log(tmp_path, a_crowd(unknown=80)), tmp_path / "few.csv"
    few.write_text("item,worker,answer,gold\na,v,yes,yes\nb,v,no,no\n")
    letters = tmp_path / "letters.csv"
    letters.write_text("item,worker,answer,gold,score\na,v,yes,yes,high\n")

    with pytest.raises(NothingKnownError, match="no row has yes or no in the column gold"):
        compare_offline(nothing_known, a_request(), as_json=True)
    with pytest.raises(NothingToJudgeError, match="give more known answers, or --gold-share 0"):
        compare_offline(few, a_request(), as_json=True)
    with pytest.raises(ScoresNeededError, match="--machine-column"):
        compare_offline(few, a_request("willi"), as_json=True)
    with pytest.raises(WrongVoteLogError, match="has no column rf; it has item, worker, answer, gold"):
        compare_offline(few, a_request(column="rf"), as_json=True)
    with pytest.raises(WrongVoteLogError, match="line 2 has 'high' in score; a score is a number 0 to 1"):
        compare_offline(letters, a_request(column="score"), as_json=True)


def test_an_unknown_policy_is_wrong_usage(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(replay)

    done = CliRunner().invoke(app, [str(tmp_path / "votes.csv"), "--policy", "luck"])

    assert done.exit_code == 2
    assert "'luck' is none" in done.output
