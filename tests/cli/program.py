"""The command line as people use it: in a process of its own."""

import subprocess
import sys
from typing import Final, Protocol

PROGRAM: Final = [sys.executable, "-c", "from api.cli import main; main()"]


class Chaffinch(Protocol):
    """Runs a command to its end."""

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]: ...
