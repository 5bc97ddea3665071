"""One refit of a whole vote log, in a process of its own; beside it crowd-kit's Dawid-Skene on the same votes.

Both get the same arrays from a file and are measured in the same run, one after the other. Where a log knows the truth,
both are told a tenth of it as gold, and are judged by the rest. The time is that of the fit, from arrays (of crowd-kit,
from a table) to answers; the memory is the most that the whole process ever held, its libraries included. Crowd-kit
ends when its likelihood hardly grows any more, so it takes few rounds on some logs; how many it took is said. The
ratio is that of CPU seconds, on which a busy machine has little influence.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from api.replay.vote_logs import read
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]

PEERS: Final = Path(".venv-peers/bin/python")
VOLUNTEERS: Final = 85
SUBJECTS: Final = 184_962
VOTES_EACH: Final = 5
PREVALENCE: Final = 0.14
UNSURE: Final = 0.085


GOLD_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Log:
    """A vote log as arrays: see `cascade.refit.Votes`. `truth` is what is known, `gold` what of it is told, else -1."""

    subject: Integers
    volunteer: Integers
    answer: Integers
    truth: Integers
    gold: Integers


def run_refit(votes: Path | None, seed: int) -> dict[str, Any]:
    """Measure the refit of a log, or of one made up in the shape of the largest that we have."""
    dice = np.random.default_rng(seed)
    log = _synthetic(dice) if votes is None else _read(votes, dice)
    name = "a synthetic log" if votes is None else votes.name
    print(
        f"{name}: {len(log.answer):,} votes by {log.volunteer.max() + 1:,} volunteers on {len(log.truth):,} subjects,"
        f" of which {(log.gold >= 0).sum():,} are gold",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="chaffinch-refit-") as folder:
        arrays = Path(folder) / "log.npz"
        np.savez(arrays, **{name: getattr(log, name) for name in ("subject", "volunteer", "answer", "gold")})
        ours, said = _measured("Chaffinch", [sys.executable, "-m", "benchmarks.refit_ours"], arrays, log)
        if not PEERS.exists():
            print("  crowd-kit is not installed, so there is nothing to compare with: `make bench-refit` installs it")
            return {"log": name, "ours": ours, "crowd_kit": None}
        theirs, said_too = _measured("crowd-kit", [str(PEERS), "benchmarks/refit_crowd_kit.py"], arrays, log)
    ratio, agreement = theirs["cpu_seconds"] / ours["cpu_seconds"], float((said == said_too).mean())
    print(f"  crowd-kit takes {ratio:.1f} times the CPU; both say the same of {100 * agreement:.2f} % of the subjects")
    return {"log": name, "ours": ours, "crowd_kit": theirs, "ratio": ratio, "agreement": agreement}


def _measured(who: str, command: list[str], arrays: Path, log: Log) -> tuple[dict[str, Any], Integers]:
    """Run what reads the arrays and prints seconds and peak memory; return that, with its answers and their error."""
    answers = arrays.with_name("answers.npy")
    done = subprocess.run([*command, str(arrays), str(answers)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{who} ended with {done.returncode}: {done.stderr[-1000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    said: Integers = np.load(answers)
    judged = (log.truth >= 0) & (log.gold < 0)
    found["error"] = float((said != log.truth)[judged].mean()) if judged.any() else None
    error = "" if found["error"] is None else f", wrong on {100 * found['error']:.2f} % of what it was not told"
    rounds = f" in {found['rounds']} rounds" if "rounds" in found else ""
    took = f"{found['seconds']:.2f} s, of which {found['cpu_seconds']:.2f} s of CPU{rounds}"
    print(f"  {who}: {took}; at most {found['peak_bytes'] / 1e6:,.0f} MB{error}", flush=True)
    return found, said


def _read(path: Path, dice: np.random.Generator) -> Log:
    log = read(path)
    truth = np.full(len(log.items), -1)
    truth[list(log.gold)] = list(log.gold.values())
    columns = np.array([(vote.item, vote.worker, vote.answer) for vote in log.votes], dtype=np.int64).T
    return Log(columns[0], columns[1], columns[2], truth, _gold(truth, dice))


def _synthetic(dice: np.random.Generator) -> Log:
    """Return a log of the shape of real_main: few volunteers, some of them with a third of all subjects, none alike."""
    truth = (dice.random(SUBJECTS) < PREVALENCE).astype(np.int64)
    activity = dice.gamma(0.6, size=VOLUNTEERS) + 0.01
    keys = dice.exponential(size=(SUBJECTS, VOLUNTEERS)) / activity
    volunteer = np.argpartition(keys, VOTES_EACH, axis=1)[:, :VOTES_EACH].ravel()
    subject = np.repeat(np.arange(SUBJECTS), VOTES_EACH)
    right = np.stack([dice.beta(18, 2, VOLUNTEERS), dice.beta(7, 3, VOLUNTEERS)], axis=1)[volunteer, truth[subject]]
    said = np.where(dice.random(len(subject)) < right, truth[subject], 1 - truth[subject])
    answer = np.where(dice.random(len(subject)) < UNSURE, int(Answer.UNSURE), said)
    return Log(subject, volunteer, answer, truth, _gold(truth, dice))


def _gold(truth: Integers, dice: np.random.Generator) -> Integers:
    """Tell a share of what is known."""
    return np.where(dice.random(len(truth)) < GOLD_SHARE, truth, -1)
