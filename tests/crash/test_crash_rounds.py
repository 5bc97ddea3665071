"""The service under `kill -9`. This proves crashes of processes; a loss of power cannot be tested here."""

from benchmarks.crash import run_crash
from benchmarks.killing import VICTIMS


def test_twenty_kills_lose_no_acknowledged_vote_and_leave_nothing_stuck() -> None:
    found = run_crash(rounds=20, seed=1)

    assert found["wrong"] == []
    assert set(found["replies"]) <= {"200", "201", "503", "no reply"}
    assert found["acknowledged"] > 1000
    assert {victim for victim, seen in found["by_victim"].items() if seen["kills"] >= 3} == set(VICTIMS)
