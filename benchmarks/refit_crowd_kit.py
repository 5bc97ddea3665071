"""`refit_crowd_kit.py LOG.npz ANSWERS.npy`, run by the Python of .venv-peers: crowd-kit's Dawid-Skene on one log."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # its stubs are not among our tools
from crowdkit.aggregation import DawidSkene  # type: ignore[import-not-found]  # in .venv-peers alone

YES = 1


def main(arrays: str, answers: str) -> None:
    log = np.load(arrays)
    votes = pd.DataFrame({"task": log["subject"], "worker": log["volunteer"], "label": log["answer"]})
    known = np.flatnonzero(log["gold"] >= 0)
    gold = pd.Series(log["gold"][known], index=pd.Index(known, name="task")) if len(known) else None
    began, worked = time.perf_counter(), time.process_time()
    model = DawidSkene(n_iter=100).fit(votes, true_labels=gold)
    spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - worked}
    said = model.labels_.reindex(range(len(log["gold"])), fill_value=0)
    np.save(answers, (said == YES).to_numpy().astype(np.int64))
    rounds = len(getattr(model, "loss_history_", ()))
    print(json.dumps({**spent, "peak_bytes": peak_bytes(), "rounds": rounds}))


def peak_bytes() -> int:
    """Return the most memory that this program has held; getrusage would count what started it as well."""
    with Path("/proc/self/status").open() as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
