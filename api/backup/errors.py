"""What can be wrong with a backup, or with the place that it is to go to."""

from pathlib import Path

from api.errors import CommandError


class FolderTakenError(CommandError):
    """Something is where the backup should go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists already; give each backup a folder of its own, such as backups/2026-11-21")
        self.folder = folder


class BackupRunningError(CommandError):
    """Another process makes the same backup."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another process makes {folder} just now")
        self.folder = folder


class ToolsMissingError(CommandError):
    """No pg_dump is at hand that understands the server."""

    def __init__(self, program: str, major: int) -> None:
        super().__init__(
            f"there is no {program} of PostgreSQL {major} or newer; install postgresql-client-{major}, or point"
            " CHAFFINCH_POSTGRES_BIN at a folder that has it"
        )
        self.program = program
        self.major = major


class ToolFailedError(CommandError):
    """PostgreSQL's own program gave up."""

    def __init__(self, program: str, said: str) -> None:
        super().__init__(f"{program} failed: {said}")
        self.program = program
        self.said = said


class NoBackupError(CommandError):
    """The folder holds no whole backup."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} is no whole backup: {why}")
        self.folder = folder


class DamagedBackupError(CommandError):
    """A file of the backup is not what was written."""

    def __init__(self, folder: Path, name: str, how: str) -> None:
        super().__init__(f"{folder} is damaged: {name} {how}; nothing was restored, use another backup")
        self.folder = folder
        self.name = name


class NewerBackupError(CommandError):
    """The backup was made by a newer version than this."""

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(
            f"{folder} was made by Chaffinch {version}, which is newer; restore it with that or a later one"
        )
        self.folder = folder
        self.version = version


class NotEmptyError(CommandError):
    """There is something already where a backup should be restored to."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what


class OtherCountsError(CommandError):
    """What came out of the backup is not as much as went in."""

    def __init__(self, differences: str) -> None:
        super().__init__(f"the restored database has other counts than the backup: {differences}; do not use it")
        self.differences = differences
