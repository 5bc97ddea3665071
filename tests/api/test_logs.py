import subprocess
import sys

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
