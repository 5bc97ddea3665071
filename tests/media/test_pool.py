"""Many images at once: in order, within bounds, and none lost to the death of a worker."""

import asyncio
import contextlib
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.errors import StorageError
from api.media.errors import DamagedImageError, MissingFileError, WorkerDiedError
from api.media.images import PreparedImage, record_key
from api.media.pool import ImagePool, Outcome
from api.media.storage import Place
from api.media.wanted import Wanted, plain
from tests.media.drawings import a_file, a_picture, encoded

ROOT = Path(__file__).parents[2]


def pictures(folder: Path, count: int) -> list[Path]:
    return [a_file(folder, f"{number}.jpg", encoded(a_picture(64, 48, seed=number), "JPEG")) for number in range(count)]


def digest_of(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()


def hold(root: Path, source: Path) -> None:
    """Keep a worker that takes this image waiting, as a decoder would that never ends: nobody writes to its record."""
    record = root / record_key(digest_of(source))
    record.parent.mkdir(parents=True)
    os.mkfifo(record)


async def prepared(pool: ImagePool, sources: Sequence[Path]) -> list[Outcome]:
    return [outcome async for _, (outcome,) in pool.prepare((source, [plain(source)]) for source in sources)]


def digests(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.digest for outcome in outcomes if isinstance(outcome, PreparedImage)]


async def test_groups_come_out_in_the_order_in_which_they_went_in(tmp_path: Path) -> None:
    sources = pictures(tmp_path, 12)
    large = a_file(tmp_path, "large.png", encoded(a_picture(1500, 1500), "PNG"))
    groups = [("first", [large, sources[0]]), ("none", []), *((path.name, [path]) for path in sources), ("end", [])]
    wanted = [(name, [plain(path) for path in paths]) for name, paths in groups]

    async with ImagePool(Place(tmp_path), processes=2) as pool:
        found = [(key, digests(outcomes)) async for key, outcomes in pool.prepare(wanted)]

    assert found == [(key, [digest_of(path) for path in paths]) for key, paths in groups]


async def test_refused_files_are_outcomes_among_the_others(tmp_path: Path) -> None:
    good = a_file(tmp_path, "good.png")
    cut = a_file(tmp_path, "cut.png", good.read_bytes()[:-100])

    async with ImagePool(Place(tmp_path), processes=1) as pool:
        [(_, outcomes)] = [
            group async for group in pool.prepare([("", [plain(cut), plain(good), plain(tmp_path / "none.png")])])
        ]

    assert [type(outcome) for outcome in outcomes] == [DamagedImageError, PreparedImage, MissingFileError]
    assert [outcome.source for outcome in outcomes if not isinstance(outcome, PreparedImage)] == [
        cut,
        tmp_path / "none.png",
    ]


async def test_sources_are_drawn_as_they_are_needed(tmp_path: Path) -> None:
    [source] = pictures(tmp_path, 1)
    drawn = 0

    def endless() -> Iterator[tuple[int, list[Wanted]]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn, [plain(source)]

    async with ImagePool(Place(tmp_path), processes=1) as pool, contextlib.aclosing(pool.prepare(endless())) as run:
        async for number, _ in run:
            if number == 50:
                break

    assert drawn < 120


async def test_a_worker_killed_from_outside_costs_no_image(tmp_path: Path) -> None:
    sources = pictures(tmp_path, 300)
    found: list[Outcome] = []

    async with ImagePool(Place(tmp_path), processes=2) as pool:
        async for number, (outcome,) in pool.prepare((number, [plain(path)]) for number, path in enumerate(sources)):
            found.append(outcome)
            if number in {5, 150}:
                worker = multiprocessing.active_children()[0].pid
                assert worker is not None
                os.kill(worker, signal.SIGKILL)

    assert digests(found) == [digest_of(path) for path in sources]


async def test_workers_leave_ctrl_c_to_their_parent(tmp_path: Path) -> None:
    at_work: list[set[int | None]] = []

    async with ImagePool(Place(tmp_path), processes=2) as pool:
        async for number, _ in pool.prepare(
            (number, [plain(path)]) for number, path in enumerate(pictures(tmp_path, 40))
        ):
            if number in {5, 39}:
                at_work.append({worker.pid for worker in multiprocessing.active_children()})
                for worker in at_work[-1]:
                    os.kill(worker or 0, signal.SIGINT)

    assert at_work[0] == at_work[1] != set()


async def test_the_image_that_takes_its_worker_down_is_named_and_the_rest_prepared(tmp_path: Path) -> None:
    sources = pictures(tmp_path, 12)
    culprits = [sources[3], sources[4]]

    for culprit in culprits:
        hold(tmp_path, culprit)
    async with ImagePool(Place(tmp_path), processes=2, seconds_per_image=1) as pool:
        found = await prepared(pool, sources)

    assert [outcome.source for outcome in found if isinstance(outcome, WorkerDiedError)] == culprits
    assert digests(found) == [digest_of(path) for path in sources if path not in culprits]


async def test_trouble_with_the_store_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("in the way")

    async with ImagePool(Place(tmp_path), processes=1) as pool:
        with pytest.raises(StorageError):
            await prepared(pool, pictures(tmp_path, 3))


async def test_a_run_that_is_left_early_ends_its_workers(tmp_path: Path) -> None:
    sources = pictures(tmp_path, 40)

    async def run() -> None:
        async with ImagePool(Place(tmp_path), processes=2) as pool:
            async for number, _ in pool.prepare((number, [plain(path)]) for number, path in enumerate(sources)):
                if number == 5:
                    raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run()
    assert multiprocessing.active_children() == []


async def test_what_c_libraries_say_of_a_damaged_image_does_not_reach_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(encoded(a_picture(), "TIFF", compression="tiff_lzw"))
    content[1000:1100] = b"\xff" * 100

    async with ImagePool(Place(tmp_path), processes=1) as pool:
        [outcome] = await prepared(pool, [a_file(tmp_path, content=bytes(content))])

    assert isinstance(outcome, DamagedImageError)
    assert capfd.readouterr() == ("", "")


@contextmanager
def an_import(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program, in a process group of its own, that prepares images forever, and says when it is at it."""
    pictures(folder, 30)
    program = folder / "program.py"
    program.write_text(
        textwrap.dedent("""
            import asyncio, itertools, multiprocessing, shutil, sys
            from pathlib import Path
            from api.media.pool import ImagePool
            from api.media.storage import Place
            from api.media.wanted import plain

            async def main():
                folder = Path(sys.argv[1])
                sources = itertools.cycle(sorted(folder.glob("*.jpg")))
                async with ImagePool(Place(folder), processes=2) as pool:
                    async for number, _ in pool.prepare((number, [plain(path)]) for number, path in enumerate(sources)):
                        if number == 10:
                            print(*(worker.pid for worker in multiprocessing.active_children()), flush=True)

            if __name__ == "__main__":
                try:
                    asyncio.run(main())
                except KeyboardInterrupt:
                    sys.exit(3)
        """)
    )
    command = [sys.executable, str(program), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as running:
        yield running


def test_workers_that_cannot_start_are_not_blamed_on_an_image(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
            import asyncio, os, sys
            from pathlib import Path
            from api.media.errors import WorkersCannotStartError
            from api.media.pool import ImagePool
            from api.media.storage import Place
            from api.media.wanted import plain

            async def main():
                async with ImagePool(Place(Path()), processes=2) as pool:
                    async for _ in pool.prepare([("", [plain(Path("picture.png"))])]):
                        sys.exit(4)

            if __name__ == "__main__":
                try:
                    asyncio.run(main())
                except WorkersCannotStartError:
                    sys.exit(3)
            else:
                os._exit(5)
        """)
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    assert subprocess.run([sys.executable, str(program)], cwd=tmp_path, env=environment, check=False).returncode == 3


def workers_of(running: subprocess.Popen[str]) -> list[int]:
    assert running.stdout is not None
    return [int(number) for number in running.stdout.readline().split()]


def lives(process: int) -> bool:
    """Tell whether a process runs; one that has ended may stay listed until somebody asks how."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(workers: Sequence[int]) -> None:
    deadline = time.monotonic() + 10
    while any(lives(worker) for worker in workers):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.02)


def test_ctrl_c_ends_a_run_without_a_word_from_the_workers(tmp_path: Path) -> None:
    with an_import(tmp_path) as running:
        workers = workers_of(running)
        os.killpg(running.pid, signal.SIGINT)

        assert running.wait(timeout=10) == 3
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert workers
    wait_until_gone(workers)


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with an_import(tmp_path) as running:
        workers = workers_of(running)
        running.kill()
    assert workers
    wait_until_gone(workers)
