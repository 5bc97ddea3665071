"""Programs of ours as people run them: in processes of their own, stopped by the test that started them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from typer.testing import CliRunner

from api.cli import FORESEEN, app

PROGRAM: Final = [sys.executable, "-c", "from api.cli import main; main()"]
START_SECONDS: Final = 120
STOP_SECONDS: Final = 60


def environment(**ours: str) -> dict[str, str]:
    """The environment of a program, without settings of the one who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")}
    ours = {"limits": "false"} | ours  # crowds and browsers of a test all ask from one address
    return kept | {f"CHAFFINCH_{name.upper()}": value for name, value in ours.items()}


def run(env: Mapping[str, str], *arguments: str, seconds: float = 150) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nobody at the keyboard; what it says on standard error comes with the rest."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def attempt(env: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Run a command that will not get far, in this process; return its exit code and the last line that it says."""
    done = CliRunner(env=dict(env)).invoke(app, arguments)
    if isinstance(done.exception, FORESEEN):
        return 1, str(done.exception)  # as `main` has it
    return done.exit_code, done.output.splitlines()[-1]


@contextmanager
def running(env: Mapping[str, str], until: str, *arguments: str) -> Iterator[list[str]]:
    """Start a program, give the lines that it says up to one that begins so, and stop it with Ctrl-C in the end."""
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    heard = threading.Event()
    listener = threading.Thread(target=_listen, args=(process, until, lines, heard))
    listener.start()
    try:
        said = heard.wait(START_SECONDS) and any(line.startswith(until) for line in lines)
        assert said, f"the program did not say {until!r}:\n" + "\n".join(lines)
        yield lines
    finally:
        _stop(process)
        listener.join()


def _listen(process: subprocess.Popen[str], until: str, lines: list[str], heard: threading.Event) -> None:
    """Read to the end, so that the program never waits for a reader."""
    assert process.stdout is not None
    with process.stdout as said:
        for line in said:
            lines.append(line.rstrip("\n"))
            if line.startswith(until):
                heard.set()
    heard.set()


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
