"""What docs/exports.md shows, run on exports: as its readers would, with nothing of ours."""

import re
import subprocess
import sys
from pathlib import Path

from api.exports.columns import Table
from api.exports.forms import Form
from tests.exports.batches import a_table, written

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"


def test_every_python_example_of_the_page_runs(tmp_path: Path) -> None:
    for table, name in ((Table.LABELS, "labels"), (Table.VOTES, "votes")):
        for form in Form:
            written(form, table, [a_table(table)], tmp_path / f"{name}.{form.suffix}")
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    program = "\n".join(examples)
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, len(examples)) == (0, 5), done.stderr
    assert "lenses 2026-11-21T09:30:00 deg" in done.stdout
    assert "b'ms' b'how long the card was looked at'" in done.stdout
