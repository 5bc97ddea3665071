"""The command line: `chaffinch` and its commands, one module for each group of them.

What was foreseen is said in a line, with exit code 1; wrong usage exits with 2.
"""

import sys
from collections.abc import Sequence
from typing import Final

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from api.cli.loading import Lazy, LazyGroup
from api.cli.speaking import asides
from api.errors import ChaffinchError
from api.logs import open_log
from api.postgres.errors import PostgresError
from api.settings import Settings
from api.store.failures import UNREACHABLE
from cascade.errors import CascadeError

FORESEEN: Final[tuple[type[Exception], ...]] = (ChaffinchError, CascadeError, PostgresError, *UNREACHABLE)


class Commands(LazyGroup):
    """Every command by its name, where it is, and what `chaffinch --help` says of it.

    Subjects and labels are where the last of their commands is.
    """

    lazy = (
        Lazy("serve", "api.cli.serving:serve", "Serve the API until SIGTERM or Ctrl-C."),
        Lazy(
            "worker",
            "api.cli.working:worker",
            "Do what is done beside the requests: number events, post to webhooks, count totals,"
            " make partitions ahead.",
        ),
        Lazy(
            "publish",
            "api.cli.publishing:publish",
            "Publish a cascade: show what changes, ask, put it in force, and let the subjects follow.",
        ),
        Lazy(
            "whatif",
            "api.cli.whatif:whatif",
            "Say what a declaration would have made of a project's votes: labels, votes, and the error to expect.",
        ),
        Lazy(
            "why",
            "api.cli.why:why",
            "Say why a subject was decided as it was, or what it waits for: from what is stored, vote by vote.",
        ),
        Lazy(
            "refit",
            "api.cli.refitting:refit",
            "Learn from all votes what volunteers can, how common yes is, and where to stop, as the worker does every"
            " hour.",
        ),
        Lazy(
            "ask",
            "api.cli.asking:ask",
            "Name the subjects whose answer by an expert would help most, and say what more gold would buy.",
        ),
        Lazy(
            "verify",
            "api.cli.verifying:verify",
            "Replay a project's votes in the engine, and compare every stored sum, decision, label and route, bit for"
            " bit.",
        ),
        Lazy("doctor", "api.cli.doctoring:doctor", "Say what is wrong with this set-up, and what to do about it."),
        Lazy(
            "backup",
            "api.cli.backing:backup",
            "Back up the database, the pictures and the archived months, while the service runs.",
        ),
        Lazy(
            "restore",
            "api.cli.backing:restore",
            "Restore a backup into an empty database and an empty place for pictures.",
        ),
        Lazy(
            "upload",
            "api.cli.uploading:upload",
            "Send a file in chunks to a service, and follow its import to the end.",
        ),
        Lazy(
            "openapi",
            "api.cli.describing:openapi",
            "Print the OpenAPI document of this version: what a running service has at /openapi.json.",
        ),
        Lazy(
            "demo",
            "api.cli.demonstration:demo",
            "Run a campaign over galaxies of the Hubble Deep Field, and print where to go.",
        ),
        Lazy("crowd", "api.cli.crowd:crowd", "Send simulated volunteers of varied skill to a running service."),
        Lazy(
            "replay",
            "api.cli.replaying:replay",
            "Compare policies over a vote log: votes per subject, errors, and the votes at equal error.",
        ),
        Lazy("cascade", "api.cli.publishing:cascade", "Declared cascades."),
        Lazy("subjects", "api.cli.exporting:subjects", "What volunteers look at."),
        Lazy("scores", "api.cli.scores:app", "What machines think of subjects."),
        Lazy("gold", "api.cli.gold:app", "What experts say of subjects."),
        Lazy("pages", "api.cli.pages:app", "What volunteers are told: about, tutorial, guide."),
        Lazy("panoptes", "api.cli.panoptes:panoptes", "Move in from Panoptes (the Zooniverse), and out again."),
        Lazy("labels", "api.cli.exporting:labels", "What the workflows concluded."),
        Lazy("classifications", "api.cli.exporting:classifications", "The votes."),
        Lazy("token", "api.cli.people:token", "Tokens of researchers, importers and bots."),
        Lazy("volunteers", "api.cli.people:volunteers", "The levels of volunteers."),
        Lazy("user", "api.cli.users:user", "People: who they are, and what they may do."),
        Lazy("project", "api.cli.users:project", "Projects, and who may see them."),
        Lazy("events", "api.cli.happening:events", "What happens in a project."),
        Lazy("webhooks", "api.cli.webhooks:webhooks", "Where events are posted to."),
        Lazy("database", "api.cli.database:database", "The database."),
        Lazy("ledger", "api.cli.ledger:ledger", "The vote log by months."),
    )


app = typer.Typer(name="chaffinch", cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def chaffinch() -> None:
    """Citizen science: swipe, retire early, cascade to harder questions."""


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
