"""Starts services for a measurement, and stops what it started."""

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(command: list[str], port: int, environment: dict[str, str]) -> AsyncIterator[Process]:
    """Run a server until the block ends; it must listen on the port within a minute."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        env=os.environ | environment,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await _listening(process, port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _listening(process: Process, port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.returncode is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                await asyncio.sleep(1)  # other processes of the same server are still starting
                return
        await asyncio.sleep(0.1)
    raise TimeoutError("the server did not listen within a minute")
