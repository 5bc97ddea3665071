"""The log of a process: one line for each event on standard error, ours and those of libraries alike.

Tracebacks are plain: one that shows local variables would write tokens and the database's password into the log.
"""

import logging
import sys
from typing import Final

import structlog

CHATTY: Final = ("uvicorn", "asyncio", "alembic", "PIL")
"""Libraries whose information is of use to those who debug only."""

_SHARED: Final = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper("iso", utc=True),
)


def open_log(level: str) -> None:
    """Send everything of this level (debug, info, warning, error) and above to standard error."""
    least = getattr(logging, level.upper())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
                ),
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
