"""``chaffinch worker``."""

import asyncio

from api.settings import Settings
from api.worker import run_worker


def worker() -> None:
    """Do what is done beside the requests: number the label feed, count totals, make partitions ahead.

    Any number of workers may run. Stop one with SIGTERM or Ctrl-C.
    """
    asyncio.run(run_worker(Settings()))
