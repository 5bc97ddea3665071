"""A running service of several processes, and looks at it."""

import contextlib
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cli.program import PROGRAM

Numbers = dict[tuple[str, tuple[str, ...]], float]


class Site:
    """`chaffinch serve` on a free port."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    def children(self) -> set[int]:
        """Return the ids of the API processes."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(each) for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()}

    def get(self, path: str, **headers: str) -> "tuple[str, Mapping[str, str]]":
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.read().decode(), reply.headers

    def numbers(self, **headers: str) -> Numbers:
        """Return what /metrics tells: by name and label values."""
        return numbers_in(self.get("/metrics", **headers)[0])


def numbers_in(text: str) -> Numbers:
    """Parse the text format."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextlib.contextmanager
def a_site(environment: Mapping[str, str], processes: int, **more: str) -> Iterator[Site]:
    """Serve for as long as the context lasts."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--processes", str(processes), "--port", "0"],
        env=dict(environment) | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Chaffinch serves at "), process.communicate(timeout=20)[1]
        yield Site(process, said.split()[3])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def eventually(condition: Callable[[], object], seconds: float = 30) -> bool:
    """Wait until something holds; tell whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
