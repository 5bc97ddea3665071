"""``chaffinch worker``."""

import asyncio
import os
from contextlib import ExitStack
from typing import Annotated

import typer

from api.cli.speaking import fail, say
from api.metrics import served_by_worker
from api.settings import Settings
from api.worker import run_worker


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Tell Prometheus about the jobs at this port; 0 for a free one."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of that port.")] = "127.0.0.1",
) -> None:
    """Do what is done beside the requests: number events, post to webhooks, count totals, make partitions ahead.

    Any number of workers may run. Stop one with SIGTERM or Ctrl-C.
    """
    with ExitStack() as stack:
        if metrics_port is not None:
            port = _serve_metrics(stack, metrics_host, metrics_port)
            say(f"The metrics of this worker are at http://{metrics_host}:{port}/metrics")
        asyncio.run(run_worker(Settings()))


def _serve_metrics(stack: ExitStack, host: str, port: int) -> int:
    try:
        return stack.enter_context(served_by_worker(host, port))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        fail(f"Nothing can listen on {host}, port {port} ({why}); choose another with --metrics-port.")
