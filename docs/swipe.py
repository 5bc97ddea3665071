"""Swipe in a terminal: python swipe.py WORKFLOW [SERVICE]. Needs nothing but Python."""

import json
import secrets
import sys
import time
from datetime import UTC, datetime
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

WORKFLOW = int(sys.argv[1])
SERVICE = sys.argv[2] if len(sys.argv) > 2 else "http://localhost:8000"
BY_HAND = sys.stdin.isatty()  # what a pipe answers was looked at by nobody: 0 says that the time is not known


def post(path, body, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urlopen(Request(SERVICE + path, json.dumps(body).encode(), headers)) as reply:
        return json.load(reply)


def new_id():
    """Return a UUID of version 7: 48 bits of time in ms, the version, 12 bits of chance, the variant, 62 of chance."""
    now_ms = time.time_ns() // 1_000_000
    return str(UUID(int=now_ms << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)))


token = post("/v1/volunteers", {})["token"]
while cards := post(f"/v1/workflows/{WORKFLOW}/decks", {"key": str(uuid4()), "size": 5, "width": 800}, token)["cards"]:
    for card in cards:
        print(SERVICE + card["locations"][0]["url"])
        shown_at = time.monotonic()
        swipe = {
            "id": new_id(),
            "workflow": WORKFLOW,
            "subject": card["subject"],
            "answer": input("yes, no or unsure? ").strip(),
            "answered_at": datetime.now(UTC).isoformat(),
            "dwell_ms": int(1000 * (time.monotonic() - shown_at)) if BY_HAND else 0,
        }
        [verdict] = post("/v1/classifications", {"classifications": [swipe]}, token)["verdicts"]
        print(verdict["verdict"], verdict.get("feedback") or "")
print("Nothing is left for you.")
