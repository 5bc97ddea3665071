"""A connection whose statements answer Arrow record batches: for exports and archives, a million rows in seconds.

Rows leave PostgreSQL by COPY in its binary form and become columns in C (ADBC), in the memory of a few batches. All of
it blocks: use a thread. The driver is loaded when it is needed, since it takes as long to load as all the rest of us.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

import pyarrow as pa

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection as Driver

Batches: TypeAlias = Generator[pa.RecordBatch, None, None]

APPLICATION: Final = "chaffinch-export"
"""What the server calls us; we write nothing, so no horizon waits for us."""

BATCH_BYTES: Final = 8_000_000
"""The size of a batch as PostgreSQL sends it: some 40,000 votes."""

_PLACE: Final = re.compile(r"\$(\d+)")


class ColumnarConnection:
    """Statements over one connection."""

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver

    def execute(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        with self._driver.cursor() as cursor:
            cursor.execute(statement)

    def begin_snapshot(self) -> None:
        """From here on let all statements see the same rows, and change none."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def batches(self, statement: str) -> Batches:
        """Yield the rows of a query."""
        with _away(), self._driver.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(statement)
            with closing(cursor.fetch_record_batch()) as batches:
                yield from batches


@contextmanager
def open_columnar(database_url: str) -> Iterator[ColumnarConnection]:
    """Open a connection that commits every statement for itself.

    Raises
    ------
    ConnectionError
        The database does not answer, here or later.
    """
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415  # 0.4 s, and pandas and polars where there are any

    with _away(), dbapi.connect(database_url, autocommit=True) as driver:
        connection = ColumnarConnection(driver)
        connection.execute(f"SET application_name = '{APPLICATION}'")
        yield connection


@contextmanager
def _away() -> Iterator[None]:
    """Turn the driver's word for a database that does not answer into ours."""
    from adbc_driver_postgresql.dbapi import OperationalError  # noqa: PLC0415  # as above

    try:
        yield
    except OperationalError as error:
        raise ConnectionError(str(error)) from error


def filled(statement: str, values: Sequence[object]) -> str:
    """Write values into a statement in the places of its parameters: COPY takes none."""
    return _PLACE.sub(lambda found: _literal(values[int(found[1]) - 1]), statement)


def _literal(value: object) -> str:
    """Return a value as SQL has it. Text is not among them."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value)
        case int():
            return str(int(value))
        case datetime():
            return f"'{value.astimezone(UTC).isoformat()}'::timestamptz"
        case UUID():
            return f"'{value}'::uuid"
        case list() | tuple() if all(isinstance(number, int) for number in value):
            return "'{" + ",".join(map(str, value)) + "}'"
    raise TypeError(f"{type(value).__name__} is not written into statements")
