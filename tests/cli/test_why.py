"""Asking at the command line why a subject was decided."""

import json

from api.store.engine import connect
from mobile_schemas.why import WhyOut
from tests.cli.program import Chaffinch
from tests.services.harvest import sow


async def test_why_prints_sentences_and_steps_and_the_same_as_json(chaffinch: Chaffinch, database_url: str) -> None:
    async with connect(database_url, "test") as connection:
        subject = f"S{await (await sow(connection)).retired()}"

    asked, whole, unknown = (
        chaffinch("why", subject, "--workflow", "arc"),
        chaffinch("why", subject, "--json"),
        chaffinch("why", "S999"),
    )

    first, *_ = asked.stdout.splitlines()
    assert first.startswith(f"{subject} was retired as yes in workflow arc on 20")
    assert first.endswith("2 yes and 0 no among 2 votes, as many as are asked for.")
    assert "It went on to workflow lens." in asked.stdout
    assert sum(line.rstrip().endswith(" unproven") for line in asked.stdout.splitlines()) == 2
    assert "Does not add up" not in asked.stdout
    assert len(WhyOut.model_validate_json(whole.stdout).workflows) == len(json.loads(whole.stdout)["workflows"]) == 2
    assert (unknown.returncode, unknown.stderr) == (1, "there is no subject S999\n")
