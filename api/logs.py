"""The log of a process: one line for each event on standard error, ours and those of libraries alike.

As text for people, or as a JSON object a line for machines. What happens while a request is answered carries the
request's id, and what a worker's job does the job's name, from `structlog.contextvars`.

Tracebacks are plain: one that shows local variables would write tokens and the database's password into the log.
"""

import logging
import random
import sys
import time
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

CHATTY: Final = ("uvicorn", "asyncio", "alembic", "PIL")
"""Libraries whose information is of use to those who debug only."""

_SHARED: Final = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper("iso", utc=True),
)


def open_log(level: str, form: Literal["text", "json"] = "text") -> None:
    """Send everything of this level (debug, info, warning, error) and above to standard error."""
    least = getattr(logging, level.upper())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_text() if form == "text" else _json()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=least, force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(least if least < logging.INFO else max(least, logging.WARNING))
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def new_request_id() -> str:
    """Return a UUID of version 7: the ids of later requests sort later. Nothing depends on nobody guessing it."""
    dice = random.getrandbits(74)  # an id, not a secret
    digits = f"{time.time_ns() // 1_000_000:012x}7{dice >> 62:03x}{0x8 | dice >> 60 & 0x3:x}{dice & (1 << 60) - 1:015x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _text() -> list[structlog.typing.Processor]:
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def _json() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.format_exc_info,
        _head_first,
        structlog.processors.JSONRenderer(default=str),
    ]


def _head_first(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put first what every line has, so that lines can be read by eye too."""
    head = {name: event.pop(name) for name in ("timestamp", "level", "event", "request_id") if name in event}
    return head | dict(event)
