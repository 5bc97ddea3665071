"""What can be wrong with the database server, one class per situation, each saying what to do."""

from pathlib import Path


class PostgresError(Exception):
    """Base of everything that can be wrong with the database server."""


class ProgramsMissingError(PostgresError):
    """The folder holds no PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"There is no PostgreSQL in {folder} (the programs postgres and initdb are needed). Point "
            "CHAFFINCH_POSTGRES_BIN at the bin folder of PostgreSQL 15 or newer, or unset it to use the embedded one."
        )


class ServerTooOldError(PostgresError):
    """The server is older than the oldest version that serves."""

    def __init__(self, where: str, version: str) -> None:
        self.where, self.version = where, version
        super().__init__(f"{where} is PostgreSQL {version}; version 15 or newer is needed.")


class ServerUnreachableError(PostgresError):
    """The server that CHAFFINCH_DATABASE_URL names does not answer, or does not let us in."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(
            f"No connection to {where}: {reason}. Check CHAFFINCH_DATABASE_URL (postgresql://user:password@host:port/"
            "database) and that the server runs, or unset it to use the embedded PostgreSQL."
        )


class DataVersionError(PostgresError):
    """The data folder was made by another major version of PostgreSQL."""

    def __init__(self, folder: Path, made_by: int, ours: int) -> None:
        self.folder, self.made_by, self.ours = folder, made_by, ours
        super().__init__(
            f"{folder} was made by PostgreSQL {made_by}, and this is PostgreSQL {ours}. Point CHAFFINCH_POSTGRES_BIN "
            f"at the bin folder of PostgreSQL {made_by}, or move the data over with pg_dump or pg_upgrade."
        )


class FolderForbiddenError(PostgresError):
    """The data folder belongs to somebody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} belongs to another account. Run as that account, or set CHAFFINCH_DATA_DIR to a folder of yours."
        )


class FolderUnreachableError(PostgresError):
    """The account that runs the server for root may not enter a folder on the way to its files."""

    def __init__(self, folder: Path, barrier: Path, account: str) -> None:
        self.folder, self.barrier, self.account = folder, barrier, account
        super().__init__(
            f"PostgreSQL does not run as root, and the account {account!r} that runs it instead may not enter "
            f"{barrier} on the way to {folder}. Run as an ordinary account, or set CHAFFINCH_DATA_DIR and "
            "CHAFFINCH_POSTGRES_BIN to folders that everybody may enter, such as /var/lib/chaffinch."
        )


class ServerStartError(PostgresError):
    """The embedded server could not be started."""

    def __init__(self, reason: str, log: Path) -> None:
        self.reason, self.log = reason, log
        super().__init__(f"The embedded PostgreSQL did not start: {reason} (its log is {log})")


class ServerRefusedError(PostgresError):
    """The embedded server runs and refuses what was asked of it."""

    def __init__(self, sqlstate: str, message: str) -> None:
        self.sqlstate, self.message = sqlstate, message
        super().__init__(f"The embedded PostgreSQL refused: {message} (SQLSTATE {sqlstate})")


class AbandonedError(PostgresError):
    """The wait for the server was given up by whoever asked for it."""

    def __init__(self) -> None:
        super().__init__("Released while the embedded PostgreSQL was still starting.")
