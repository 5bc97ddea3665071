import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM


class Service:
    """`chaffinch serve` on a free port."""

    def __init__(self, environment: dict[str, str], processes: int = 2) -> None:
        command = [*PROGRAM, "serve", "--processes", str(processes), "--port", "0"]
        self.parent = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.parent.stdout
        self.url = self.parent.stdout.readline().split()[3]

    def processes(self) -> set[int]:
        """Return the ids of the API processes."""
        children = Path(f"/proc/{self.parent.pid}/task/{self.parent.pid}/children").read_text().split()
        return {int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()}

    def answers(self) -> bool:
        """Ask for the health over a connection of its own."""
        with urllib.request.urlopen(f"{self.url}/health", timeout=20) as reply:
            return bool(reply.status == 200)

    def listeners(self) -> int:
        """Count the processes that listen on the port: one that is still loading does not."""
        port = f":{int(self.url.rpartition(':')[2]):04X}"
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(port) and row[3] == "0A" for row in rows)

    def end(self) -> None:
        self.parent.kill()
        self.parent.communicate()


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[Service]:
    started = Service(environment)
    yield started
    started.end()


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_gone(process: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return " Z " in Path(f"/proc/{process}/stat").read_text()
    return True


def test_a_process_that_is_killed_is_replaced_and_a_signal_ends_them_all(service: Service) -> None:
    assert eventually(lambda: service.listeners() == 2)
    before = service.processes()

    os.kill(min(before), signal.SIGKILL)
    replaced = eventually(lambda: len(service.processes() - before) == 1 and service.listeners() == 2)
    answered = [service.answers() for _ in range(10)]
    after = service.processes()
    service.parent.terminate()
    _, said = service.parent.communicate(timeout=30)

    assert replaced
    assert all(answered)
    assert (service.parent.returncode, "Traceback" in said) == (0, False)
    assert all(is_gone(process) for process in before | after)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_single_process_that_is_stopped_ends_in_order(environment: dict[str, str], number: signal.Signals) -> None:
    service = Service(environment, processes=1)
    try:
        answered = service.answers()
        service.parent.send_signal(number)
        _, said = service.parent.communicate(timeout=30)
    finally:
        service.end()

    assert answered
    assert (service.parent.returncode, "Traceback" in said) == (0, False)


def test_processes_that_are_killed_while_they_start_are_replaced_at_once(service: Service) -> None:
    assert eventually(lambda: service.listeners() == 2)
    before = service.processes()

    os.kill(min(before), signal.SIGKILL)
    assert eventually(lambda: len(service.processes() - before) == 1)
    time.sleep(0.8)  # the parent waits for its first word now
    for process in service.processes():
        os.kill(process, signal.SIGKILL)

    assert eventually(lambda: service.listeners() == 2, seconds=15)


def test_processes_whose_parent_is_killed_stop_and_free_the_port(service: Service) -> None:
    assert service.answers()
    processes = service.processes()

    service.parent.kill()
    gone = eventually(lambda: all(is_gone(process) for process in processes))

    assert gone
    with pytest.raises(urllib.error.URLError):
        service.answers()


def test_a_port_that_is_taken_is_said_in_a_line(service: Service, environment: dict[str, str]) -> None:
    port = service.url.rpartition(":")[2]

    second = subprocess.run(
        [*PROGRAM, "serve", "--port", port], env=environment, capture_output=True, text=True, check=False
    )

    said = f"Nothing can listen on 127.0.0.1, port {port} (Address already in use); choose another with --host and"
    assert (second.returncode, second.stderr) == (1, f"{said} --port.\n")
