"""Asking at the command line what a declaration would have made of the votes that there are."""

import json
from pathlib import Path

from api.store.engine import connect
from tests.cli.program import Chaffinch
from tests.services.harvest import ARC_LENS, sow


async def test_whatif_and_publish_say_what_the_votes_would_have_come_to(
    chaffinch: Chaffinch, database_url: str, tmp_path: Path
) -> None:
    async with connect(database_url, "test") as connection:
        subject = f"S{await (await sow(connection)).retired()}"
    file = tmp_path / "lenses.yaml"
    file.write_text(ARC_LENS.replace("count: 2", "count: 3", 1))

    said, whole = chaffinch("whatif", str(file)), chaffinch("whatif", str(file), "--json", "--votes-limit", "9")
    published = chaffinch("publish", str(file), "--yes")

    assert said.stdout.startswith("Had this been in force instead of version 1, by 2 votes:\n")
    assert "\narc: of 1 subject 1 no longer retired; 0 votes would be saved, and 0 more used" in said.stdout
    assert f"\n  {subject} in arc: yes, on to lens -> open (no longer retired)\n" in said.stdout
    assert f"\n  {subject} in lens: open -> not asked (not asked)\n" in said.stdout
    report = json.loads(whole.stdout)
    assert [each["kind"] for each in report["changes"]] == ["reopened", "left_out"]
    assert report["total"]["votes_new"] == {"used": 2, "undecided": 1, "at_least": 1, "expected": 1.0}
    findings = said.stdout.partition("The votes are those that were given")[0]
    assert findings in published.stdout


def test_a_project_without_votes_has_nothing_to_play(chaffinch: Chaffinch, tmp_path: Path) -> None:
    file = tmp_path / "lenses.yaml"
    file.write_text(ARC_LENS)

    said, whole = chaffinch("whatif", str(file)), chaffinch("whatif", str(file), "--json")

    assert said.stdout == "The project has no votes yet, so there is nothing to play again.\n"
    assert (said.returncode, whole.stdout) == (0, "null\n")
