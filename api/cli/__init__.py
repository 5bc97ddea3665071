"""The command line: `chaffinch` and its commands, one module for each group of them.

What was foreseen is said in a line, with exit code 1; wrong usage exits with 2.
"""

import sys
from collections.abc import Sequence
from typing import Final

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from api.cli import (
    asking,
    backing,
    crowd,
    database,
    demonstration,
    describing,
    doctoring,
    exporting,
    gold,
    happening,
    labels,
    ledger,
    pages,
    panoptes,
    people,
    publishing,
    refitting,
    replaying,
    scores,
    serving,
    subjects,
    uploading,
    verifying,
    webhooks,
    whatif,
    why,
    working,
)
from api.cli.running import asides
from api.errors import ChaffinchError
from api.logs import open_log
from api.postgres.errors import PostgresError
from api.settings import Settings
from api.store.failures import UNREACHABLE
from cascade.errors import CascadeError

FORESEEN: Final[tuple[type[Exception], ...]] = (ChaffinchError, CascadeError, PostgresError, *UNREACHABLE)

app = typer.Typer(
    name="chaffinch",
    help="Citizen science: swipe, retire early, cascade to harder questions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve")(serving.serve)
app.command("worker")(working.worker)
app.command("publish")(publishing.publish)
app.command("whatif")(whatif.whatif)
app.command("why")(why.why)
app.command("refit")(refitting.refit)
app.command("ask")(asking.ask)
app.command("verify")(verifying.verify)
app.command("doctor")(doctoring.doctor)
app.command("backup")(backing.backup)
app.command("restore")(backing.restore)
app.add_typer(publishing.cascade)
app.add_typer(subjects.app)
app.add_typer(scores.app)
app.add_typer(gold.app)
app.add_typer(pages.app)
app.command("upload")(uploading.upload)
app.add_typer(panoptes.panoptes)
app.add_typer(labels.labels)
app.add_typer(exporting.classifications)
app.add_typer(people.token)
app.add_typer(people.volunteers)
app.add_typer(happening.events)
app.add_typer(webhooks.webhooks)
app.add_typer(database.database)
app.add_typer(ledger.ledger)
app.command("openapi")(describing.openapi)
app.command("demo")(demonstration.demo)
app.command("crowd")(crowd.crowd)
app.command("replay")(replaying.replay)


def main() -> None:
    """Run the command that the arguments name."""
    try:
        settings = Settings()
        open_log(settings.log_level, settings.log_format)
        app()
    except FORESEEN as error:
        _end(str(error) or type(error).__name__)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        _end("\n".join(f"{_variable(each['loc'])}: {each['msg']}" for each in error.errors()))
    except SettingsError as error:
        _end(f"{error}: it must be JSON")


def _variable(place: Sequence[int | str]) -> str:
    """Return the variable of a setting, and where in its JSON something is wrong, without what is written there."""
    return " ".join([f"CHAFFINCH_{str(place[0]).upper()}", *(str(step) for step in place[1:])])


def _end(why: str) -> None:
    asides.print(why, style="red", markup=False)
    sys.exit(1)
