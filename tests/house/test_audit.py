"""What the audit of dependencies makes of what it is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "audited.py"
SAFE = {"name": "safe", "version": "1.0", "vulns": []}
KNOWN = {"name": "known", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "skipped", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ([SAFE], "clean"),
        ([SAFE, KNOWN], "vulnerable"),
        ([SKIPPED, KNOWN], "vulnerable"),
        ([SAFE, SKIPPED], "unasked"),
    ],
)
def test_what_was_skipped_is_not_taken_for_safe(packages: list[dict[str, object]], said: str) -> None:
    told = judged(json.dumps({"dependencies": packages}))

    assert told.stdout.strip() == said
    assert ("known 1.0: PYSEC-1, fixed in 1.1" in told.stderr) == (said == "vulnerable")


@pytest.mark.parametrize("rubbish", ["", "no JSON", "{}"])
def test_no_report_is_no_good_news(rubbish: str) -> None:
    assert judged(rubbish).stdout.strip() == "unasked"


def judged(report: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, input=report, capture_output=True, text=True, timeout=60, check=True)
