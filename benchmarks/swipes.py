"""Swipes per second over HTTP: gold, decisions, routing and dealing switched on; beside two limits of the same run."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from api.settings import Settings
from benchmarks.campaign import campaign
from benchmarks.peers import create_tables, raw_statements
from benchmarks.serving import free_port, serving

VOLUNTEERS = 20_000
CELLS = [(1, 128, 1), (1, 128, 2), (20, 32, 1), (20, 32, 2)]
"""Batch, connections, API processes."""


@dataclass(frozen=True)
class Cell:
    """One cell of the table."""

    batch: int
    connections: int
    processes: int
    swipes_per_second: float
    decks_per_second: float
    post_ms: dict[str, float]
    deck_ms: dict[str, float]
    verdicts: dict[str, int]
    bare_route: float
    raw_statements: float


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50, p95 and p99."""
    ordered = sorted(values) or [float("nan")]
    return {f"p{q}": round(ordered[min(len(ordered) * q // 100, len(ordered) - 1)], 2) for q in (50, 95, 99)}


async def load(port: int, batch: int, connections: int, seconds: float, *, bare: bool = False) -> dict[str, Any]:
    """Run the load in a process of its own and return its tally."""
    command = ["-m", "benchmarks.phones", "--port", str(port), "--batch", str(batch)]
    command += ["--connections", str(connections), "--seconds", str(seconds), "--volunteers", str(VOLUNTEERS)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, *(["--bare"] if bare else []), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), seconds + 120)
    if process.returncode:
        raise RuntimeError("the load failed")
    tally: dict[str, Any] = json.loads(output)
    return tally


async def measure(settings: Settings, batch: int, connections: int, processes: int, seconds: float) -> Cell:
    """Measure one cell, and its limits for a sixth of the time each."""
    peer_seconds = max(seconds / 6, 3)
    async with campaign(settings, subjects=400_000, volunteers=VOLUNTEERS) as made:
        await create_tables(made.url)
        environment = {"CHAFFINCH_DATABASE_URL": made.url, "BENCH_URL": made.url, "CHAFFINCH_LOG_LEVEL": "warning"}
        environment["CHAFFINCH_LIMITS"] = "false"
        raw = await raw_statements(made.url, batch, peer_seconds)
        port = free_port()
        bare = ["uvicorn", "benchmarks.peers:bare_app", "--factory", "--workers", str(processes)]
        bare += ["--port", str(port), "--log-level", "warning", "--no-access-log"]
        async with serving(bare, port, environment):
            bare_tally = await load(port, batch, connections, peer_seconds, bare=True)
        port = free_port()
        ours = ["api.cli", "serve", "--processes", str(processes), "--port", str(port)]
        async with serving(ours, port, environment):
            tally = await load(port, batch, connections, seconds)
    return Cell(
        batch,
        connections,
        processes,
        tally["swipes"] / seconds,
        tally["decks"] / seconds,
        percentiles(tally["post_ms"]),
        percentiles(tally["deck_ms"]),
        tally["verdicts"],
        bare_tally["swipes"] / peer_seconds,
        raw,
    )


async def run_swipes(settings: Settings, seconds: float) -> list[Cell]:
    """Measure all cells."""
    cells = []
    for batch, connections, processes in CELLS:
        cell = await measure(settings, batch, connections, processes, seconds)
        print(line(cell), flush=True)
        cells.append(cell)
    return cells


def line(cell: Cell) -> str:
    """Return a cell as a line of the report."""
    return (
        f"batch {cell.batch:>2}, {cell.connections:>3} connections, {cell.processes} process(es): "
        f"{cell.swipes_per_second:>7,.0f} swipes/s with {cell.decks_per_second:,.0f} decks/s; post ms {cell.post_ms}; "
        f"deck ms {cell.deck_ms}; {cell.verdicts}; "
        f"{cell.swipes_per_second / cell.bare_route:.2f} of the bare route ({cell.bare_route:,.0f}/s), "
        f"{cell.swipes_per_second / cell.raw_statements:.2f} of the raw statements ({cell.raw_statements:,.0f}/s)"
    )


def cores() -> int:
    """Return how many cores this machine lends us."""
    return len(os.sched_getaffinity(0))
