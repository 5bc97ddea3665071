"""`python -m benchmarks [engine] [swipes] [decks] [overshoot] [crash] ...`: prints, and writes JSON."""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

from api.settings import Settings
from benchmarks.cones import run_cones
from benchmarks.crash import run_crash
from benchmarks.decks import run_decks
from benchmarks.engine import run_engine
from benchmarks.events import run_events
from benchmarks.exports import run_exports
from benchmarks.imports import run_imports
from benchmarks.levels import run_levels
from benchmarks.overshoot import run_overshoot
from benchmarks.phone import run_phone
from benchmarks.plots import draw
from benchmarks.refit import run_refit
from benchmarks.routing import run_routing
from benchmarks.swipes import cores, run_swipes


async def _swipes(settings: Settings, given: argparse.Namespace) -> Any:
    return [asdict(cell) for cell in await run_swipes(settings, given.seconds)]


async def _decks(settings: Settings, given: argparse.Namespace) -> Any:
    return await run_decks(settings, given.decks)


async def _overshoot(settings: Settings, _: argparse.Namespace) -> Any:
    return await run_overshoot(settings)


async def _crash(_: Settings, given: argparse.Namespace) -> Any:
    return await asyncio.to_thread(run_crash, given.rounds, given.seed)


async def _imports(_: Settings, given: argparse.Namespace) -> Any:
    return await asyncio.to_thread(run_imports, given.subjects)


async def _cones(settings: Settings, given: argparse.Namespace) -> Any:
    return await run_cones(settings, given.cones)


async def _events(settings: Settings, given: argparse.Namespace) -> Any:
    return await run_events(settings, given.seconds, given.rate, given.kills, given.seed)


async def _exports(settings: Settings, given: argparse.Namespace) -> Any:
    return await run_exports(settings, given.rows)


async def _engine(_: Settings, given: argparse.Namespace) -> Any:
    return await asyncio.to_thread(run_engine, given.logs, given.shuffles)


async def _refit(_: Settings, given: argparse.Namespace) -> Any:
    return await asyncio.to_thread(run_refit, given.votes, given.seed)


async def _levels(_: Settings, given: argparse.Namespace) -> Any:
    return await asyncio.to_thread(run_levels, given.runs, given.seed)


async def _phone(settings: Settings, given: argparse.Namespace) -> Any:
    return await run_phone(settings, given.visits, given.swipes)


async def _routing(settings: Settings, given: argparse.Namespace) -> Any:
    return await run_routing(settings, given.votes, given.choices)


async def _engine_plots(_: Settings, given: argparse.Namespace) -> Any:
    return [str(path) for path in await asyncio.to_thread(draw, given.figures)]


MEASUREMENTS: dict[str, Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, Any]]] = {
    "engine": _engine,
    "swipes": _swipes,
    "decks": _decks,
    "overshoot": _overshoot,
    "crash": _crash,
    "exports": _exports,
    "cones": _cones,
    "events": _events,
    "imports": _imports,
    "levels": _levels,
    "refit": _refit,
    "phone": _phone,
    "routing": _routing,
    "engine-plots": _engine_plots,
}
NOT_MEASURED = frozenset({"engine-plots"})
"""What is done only where it is named."""


def main() -> None:
    """Run the measurements that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure Chaffinch on this machine.")
    parser.add_argument("what", nargs="*", choices=[[], *MEASUREMENTS], help="what to measure; all if nothing is named")
    parser.add_argument("--seconds", type=float, default=60, help="length of each cell of swipes")
    parser.add_argument("--decks", type=int, default=2000, help="decks dealt to each volunteer")
    parser.add_argument("--cones", type=int, default=500, help="cones of each radius")
    parser.add_argument("--rounds", type=int, default=200, help="kills in the crash rounds")
    parser.add_argument("--subjects", type=int, default=2000, help="subjects of the import; 100000 takes half an hour")
    parser.add_argument("--rate", type=int, default=1000, help="swipes per second while events are followed")
    parser.add_argument("--kills", type=int, default=20, help="API processes killed while events are followed")
    parser.add_argument("--rows", type=int, default=5_000_000, help="votes in the log that is exported")
    parser.add_argument("--logs", type=Path, help="folder of vote logs for engine; ../shared/data/votes if not given")
    parser.add_argument(
        "--shuffles", type=int, default=20, help="shuffles of each log of engine, a quarter in its arms"
    )
    parser.add_argument("--votes", type=Path, help="vote log of refit (by default a synthetic one) or routing, a CSV")
    parser.add_argument(
        "--figures", type=Path, default=Path("engine.json"), help="what engine --json wrote, for engine-plots"
    )
    parser.add_argument("--visits", type=int, default=10, help="visits of phone, new and returning, slow and not")
    parser.add_argument("--swipes", type=int, default=500, help="swipes of phone over which memory is watched")
    parser.add_argument("--runs", type=int, default=2000, help="simulated volunteers of each skill of levels")
    parser.add_argument("--choices", type=int, default=5, help="choices of gold and order in routing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", "--json", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args()
    print(f"{cores()} cores; PostgreSQL, services and clients all on them; fsync and synchronous_commit on", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaffinch-bench-") as folder:
        Path(folder).chmod(0o755)  # the embedded PostgreSQL does not run as root, and must get there
        settings = Settings(data_dir=Path(folder) / "data")
        results: dict[str, Any] = {}
        for what in given.what or (name for name in MEASUREMENTS if name not in NOT_MEASURED):
            results[what] = asyncio.run(MEASUREMENTS[what](settings, given))
    if given.output:
        given.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
