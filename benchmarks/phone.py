"""The phone client in a real browser: its first card, the next card after a swipe, and its memory over many swipes.

Phone size, density 2, touch; photographs of 60 to 130 kB. A first card is measured as it comes and on a slow phone (CPU
four times slower) on a slow link, each time beside its lower limit: a bare page with nothing but the same picture, on
the same phone and link.
"""

import asyncio
import statistics
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import numpy as np
from playwright.sync_api import Browser

from api.http.client_files import client_files
from api.settings import Settings
from benchmarks.browser import a_browser
from benchmarks.handset import DENSITY, SIZE, SLOW, Handset, wait_for
from benchmarks.photos import photos_served

CPU: Final = 4
SPARE_SUBJECTS: Final = 40
"""What a phone still holds when it has answered all it has to."""

DECK: Final = 30
LOOKS: Final = 10
"""How many times the memory is looked at."""

BARE: Final = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>bare</title><img src="/picture" width="390" height="390" alt=""><script>
document.images[0].decode().then(() => requestAnimationFrame((now) => {
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => { window.came = { shown_ms: now, painted_ms: performance.now() }; };
    drawn.port2.postMessage(null);
}));
</script>"""


class ClientMissingError(Exception):
    """The phone client has not been built."""

    def __init__(self) -> None:
        super().__init__("the phone client is not built: make client")


async def run_phone(settings: Settings, visits: int, swipes: int) -> dict[str, Any]:
    """Measure first cards in so many visits, then two fifths of the swipes by time, and all by memory."""
    if not client_files().built:
        raise ClientMissingError
    async with photos_served(settings, swipes + SPARE_SUBJECTS) as url:
        return await asyncio.to_thread(_measure, url, visits, swipes)


def _measure(url: str, visits: int, swipes: int) -> dict[str, Any]:
    with a_browser() as browser:
        first = _first_cards(browser, url, visits)
        after = {f"{cpu}x": _next_cards(browser, url, cpu, swipes * 2 // 5) for cpu in (1, CPU)}
        memory = _memory(browser, url, swipes)
    return {"first_card": first, "next_card": after, "memory": memory}


# The first card


@dataclass
class Visit:
    """When the first card was painted, beside the same picture on a bare page."""

    card_ms: float
    bare_ms: float


def _first_cards(browser: Browser, url: str, visits: int) -> dict[str, Any]:
    print(f"\nfirst card, ms from the navigation, {visits} visits each")
    print(f"{'phone':<10}{'CPU, link':<20}{'median':>8}{'worst':>8}{'bare page':>12}{'ratio':>8}", flush=True)
    found = {}
    for slow in (True, False):
        for who, visited in (("new", _new_phones), ("returning", _returning_phone)):
            name = f"{who}, {'slow' if slow else 'as it comes'}"
            found[name] = _summary(visited(browser, url, visits, slow))
            told = "4x slower, 1.6 Mbit/s" if slow else "as they come"
            print(f"{who:<10}{told:<20}{_figures(found[name])}", flush=True)
    return found


def _figures(of: dict[str, float]) -> str:
    return f"{of['median_ms']:>8.0f}{of['worst_ms']:>8.0f}{of['bare_median_ms']:>12.0f}{of['ratio']:>8.2f}"


def _summary(visits: list[Visit]) -> dict[str, float]:
    card = [each.card_ms for each in visits]
    bare = statistics.median(each.bare_ms for each in visits)
    return {
        "median_ms": round(statistics.median(card), 1),
        "worst_ms": round(max(card), 1),
        "bare_median_ms": round(bare, 1),
        "ratio": round(statistics.median(card) / bare, 2),
    }


def _new_phones(browser: Browser, url: str, visits: int, slow: bool) -> list[Visit]:
    found = []
    for _ in range(visits):
        phone = Handset(browser, url)
        card = phone.open(cpu=CPU if slow else 1, slow=slow)["painted_ms"]
        found.append(Visit(card, _bare(browser, _fetched(phone.picture()), slow)))
        phone.close()
    return found


def _returning_phone(browser: Browser, url: str, visits: int, slow: bool) -> list[Visit]:
    """One phone that comes back again and again: shell, deck and pictures are on it."""
    phone = Handset(browser, url)
    phone.open()
    phone.settle(DECK)
    found = []
    for _ in range(visits):
        phone.leave()
        card = phone.open(cpu=CPU if slow else 1, slow=slow)["painted_ms"]
        found.append(Visit(card, _bare(browser, _fetched(phone.picture()), slow)))
    phone.close()
    return found


def _fetched(picture: str) -> bytes:
    asked = urllib.request.Request(picture, headers={"Accept": "image/webp"})
    with urllib.request.urlopen(asked, timeout=30) as reply:
        content: bytes = reply.read()
    return content


def _bare(browser: Browser, picture: bytes, slow: bool) -> float:
    """Return when a bare page with this picture was painted, on a phone that has seen neither."""
    with _bare_server(picture) as url:
        context = browser.new_context(
            viewport={"width": SIZE["width"], "height": SIZE["height"]},
            device_scale_factor=DENSITY,
            has_touch=True,
            is_mobile=True,
        )
        page = context.new_page()
        session = context.new_cdp_session(page)
        if slow:
            session.send("Emulation.setCPUThrottlingRate", {"rate": CPU})
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", SLOW)
        page.goto(url, wait_until="commit")
        came: dict[str, float] = wait_for(lambda: page.evaluate("window.came"), "the bare page")
        context.close()
    return came["painted_ms"]


@contextmanager
def _bare_server(picture: bytes) -> Iterator[str]:
    class Bare(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            of_page = self.path == "/"
            content = BARE.encode() if of_page else picture
            self.send_response(200 if of_page or self.path == "/picture" else 404)
            self.send_header("Content-Type", "text/html" if of_page else "image/webp")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bare)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# The next card


def _next_cards(browser: Browser, url: str, cpu: int, swipes: int) -> dict[str, Any]:
    phone = Handset(browser, url)
    phone.open()
    phone.settle(DECK)
    phone.slow_down(cpu)
    came = [phone.answer(number) for number in range(swipes)]
    phone.close()
    found: dict[str, Any] = {"swipes": swipes}
    found |= {what: _spread([each[what] for each in came]) for what in ("shown_ms", "painted_ms")}
    print(f"\nnext card after a swipe, CPU {cpu}x, {swipes} swipes: {found}", flush=True)
    return found


def _spread(values: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values, q)), 1) for q in (50, 95)} | {"most": round(max(values), 1)}


# Memory


def _memory(browser: Browser, url: str, swipes: int) -> dict[str, Any]:
    phone = Handset(browser, url)
    phone.open()
    phone.settle(DECK)
    print(f"\n{'swipes':>8}{'heap MB':>9}{'nodes':>8}{'listeners':>11}  rows", flush=True)
    looks: list[dict[str, Any]] = []
    for number in range(1, swipes + 1):
        phone.answer(number)
        if number % (swipes // LOOKS) == 0:
            held = {"swipes": number} | phone.held()
            looks.append(held)
            megabytes = held["heap_bytes"] / 1e6
            print(f"{number:>8}{megabytes:>9.2f}{held['nodes']:>8}{held['listeners']:>11}  {held['rows']}", flush=True)
    phone.close()
    slope = float(np.polyfit([each["swipes"] for each in looks], [each["heap_bytes"] for each in looks], 1)[0])
    ratio = looks[-1]["heap_bytes"] / looks[0]["heap_bytes"]
    print(f"slope {slope:,.0f} bytes a swipe; the last is {ratio:.3f} of the first", flush=True)
    return {"looks": looks, "heap_bytes_per_swipe": round(slope), "end_to_start": round(ratio, 3)}
