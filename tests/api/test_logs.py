import json
import subprocess
import sys
from datetime import datetime, timedelta

PROGRAM = """
import logging
import structlog
from api.logs import open_log

def connect(password: str) -> None:
    raise ConnectionRefusedError("nobody listens")

open_log("warning")
try:
    connect("correct horse")
except OSError:
    structlog.get_logger().exception("ours")
    logging.getLogger("library").warning("theirs", exc_info=True)
"""


def test_a_traceback_in_the_log_tells_no_secret_that_a_function_was_called_with() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace('"correct horse"', '"correct " + "horse"')],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stderr.count("ConnectionRefusedError: nobody listens") == 2
    assert "correct horse" not in ended.stderr


JSON_PROGRAM = """
import logging
import structlog
from api.logs import open_log

open_log("info", "json")
structlog.contextvars.bind_contextvars(request_id="phone-12")
structlog.get_logger().info("ours", wing="left")
structlog.get_logger().debug("not said")
try:
    {}["nest"]
except KeyError:
    logging.getLogger("library").warning("theirs", exc_info=True)
"""


def test_a_line_for_machines_is_one_object_with_time_level_event_and_request_id() -> None:
    ended = subprocess.run([sys.executable, "-c", JSON_PROGRAM], capture_output=True, text=True, check=True)

    ours, theirs = [json.loads(line) for line in ended.stderr.splitlines()]
    assert list(ours) == ["timestamp", "level", "event", "request_id", "wing"]
    assert (ours["level"], ours["event"], ours["request_id"], ours["wing"]) == ("info", "ours", "phone-12", "left")
    assert datetime.fromisoformat(ours["timestamp"]).utcoffset() == timedelta(0)
    assert (theirs["level"], theirs["event"], theirs["request_id"]) == ("warning", "theirs", "phone-12")
    assert "KeyError: 'nest'" in theirs["exception"]
