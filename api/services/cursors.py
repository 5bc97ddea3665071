"""Cursors of exports: where one ended and the next goes on, as text that clients give back as it is."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from api.errors import CommandError
from api.exports.columns import Table
from api.store.exports import FIRST, VoteKey

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_VOTE: Final = re.compile(r"[0-9]{1,16}(\.[0-9]{1,18}){2}\.[0-9]{1,9}\.[01]\.[0-9a-f]{32}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")

START: Final = {Table.LABELS: "0", Table.SUBJECTS: "0", Table.VOTES: "0.0.0.0.0." + "0" * 32}
"""The cursor before everything."""


class WrongCursorError(CommandError):
    """A cursor that no export of this table has given."""

    def __init__(self, table: Table, cursor: str) -> None:
        super().__init__(
            f"{cursor!r} is no cursor of an export of {table.value}; give the one that the export before said"
        )
        self.table = table
        self.cursor = cursor


def vote_cursor(key: VoteKey) -> str:
    """Return the cursor that stands for a place in the vote log."""
    micros = (key.received_at - _EPOCH) // _MICROSECOND
    return f"{micros}.{key.workflow_id}.{key.subject_id}.{key.ordinal}.{key.kind}.{key.client_id.hex}"


def vote_key(cursor: str | None) -> VoteKey:
    """Return the place that a cursor stands for, that before every vote if there is none.

    Raises
    ------
    WrongCursorError
        It is no cursor of the vote log.
    """
    if cursor is None:
        return FIRST
    if not _VOTE.fullmatch(cursor):
        raise WrongCursorError(Table.VOTES, cursor)
    micros, workflow, subject, ordinal, kind, client_id = cursor.split(".")
    return VoteKey(
        _EPOCH + int(micros) * _MICROSECOND, int(workflow), int(subject), int(ordinal), int(kind), UUID(client_id)
    )


def number(table: Table, cursor: str | None) -> int:
    """Return the position or the subject's number that a cursor stands for.

    Raises
    ------
    WrongCursorError
        It is no cursor of this table.
    """
    if cursor is not None and not _NUMBER.fullmatch(cursor):
        raise WrongCursorError(table, cursor)
    return int(cursor or 0)
