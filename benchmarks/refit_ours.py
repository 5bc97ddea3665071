"""`python -m benchmarks.refit_ours LOG.npz ANSWERS.npy`: our refit of one log; prints time and peak memory as JSON."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from cascade.calibration import UNCALIBRATED
from cascade.refit import Votes, refit

TARGET = 0.05


def main(arrays: str, answers: str) -> None:
    log = np.load(arrays)
    votes = Votes(
        subject=log["subject"],
        volunteer=log["volunteer"],
        answer=log["answer"],
        truth=log["gold"],
        prior=np.zeros(len(log["gold"]), dtype=np.int64),
        volunteers=int(log["volunteer"].max()) + 1,
    )
    began, worked = time.perf_counter(), time.process_time()
    found = refit(votes, UNCALIBRATED, miss=TARGET, false_alarm=TARGET)
    spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - worked}
    np.save(answers, (found.log_odds > 0).astype(np.int64))
    print(json.dumps({**spent, "peak_bytes": peak_bytes(), "pairs": len(found.pairs)}))


def peak_bytes() -> int:
    """Return the most memory that this program has held; getrusage would count what started it as well."""
    with Path("/proc/self/status").open() as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
