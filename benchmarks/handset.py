"""A phone in Chromium that can be slowed down, and that tells when a card was there.

A card is there in the first animation frame in which it lies on top, its pictures are decoded and shown, and its
answers are open. `painted_ms` is a moment later: a task posted in that frame runs when the frame has been drawn.
"""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from playwright.sync_api import Browser, CDPSession, Page

from benchmarks.photos import PAGE, SLUG

SIZE: Final = {"width": 390, "height": 844}
DENSITY: Final = 2
SLOW: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
    "connectionType": "cellular3g",
}
"""1.6 Mbit/s down, 750 kbit/s up, 150 ms from a request to its answer."""

PATIENCE_SECONDS: Final = 60.0
LOOK_MS: Final = 230
"""How long a card is looked at: the client takes no answer in the first 200 ms."""

PROBE: Final = """
const cards = { first: null, next: null, count: 0 };
window.cards = cards;

// The subject that can be answered now, or null.
function onTop() {
    const card = document.querySelector("article.card:not([inert])");
    const open = document.querySelector(".answers .yes")?.getAttribute("aria-disabled") === "false";
    const shown = card !== null && [...card.querySelectorAll("img")].every((each) => each.classList.contains("shown"));
    return card !== null && open && shown ? card.dataset.subject : null;
}

// Wait, for a minute at most, until another subject than this is on top; then tell in which frame it came.
function awaitCard(before, since, then) {
    const look = () => {
        const subject = onTop();
        const now = performance.now();
        if (subject === null || subject === before) {
            if (now - since < 60_000) requestAnimationFrame(look);
            return;
        }
        const drawn = new MessageChannel();
        drawn.port1.onmessage = () => then({ shown_ms: now - since, painted_ms: performance.now() - since });
        drawn.port2.postMessage(null);
    };
    requestAnimationFrame(look);
}

awaitCard(null, 0, (came) => { cards.first = came; });

let waiting = false;
function gesture(event) {
    const before = onTop();
    if (before === null || waiting) return;
    waiting = true;
    awaitCard(before, event.timeStamp, (came) => { waiting = false; cards.next = came; cards.count += 1; });
}
addEventListener("pointerup", gesture, true);
addEventListener("keydown", gesture, true);
"""
COUNT_ROWS: Final = """() => new Promise((done, fail) => {
    const opening = indexedDB.open("chaffinch");
    opening.onerror = () => fail(opening.error);
    opening.onsuccess = () => {
        const names = [...opening.result.objectStoreNames];
        const reading = opening.result.transaction(names);
        const counts = {};
        for (const name of names) {
            reading.objectStore(name).count().onsuccess = (event) => { counts[name] = event.target.result; };
        }
        reading.oncomplete = () => { opening.result.close(); done(counts); };
    };
})"""

Value = TypeVar("Value")


def wait_for(look: Callable[[], Value], what: str, seconds: float = PATIENCE_SECONDS) -> Value:
    """Return what `look` finds as soon as it is true."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.02)
    return found


class Handset:
    """One volunteer's phone, with one page at a time. The introduction has been read."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._context = browser.new_context(
            base_url=url,
            viewport={"width": SIZE["width"], "height": SIZE["height"]},
            device_scale_factor=DENSITY,
            has_touch=True,
            is_mobile=True,
            locale="en-GB",
        )
        self._context.add_init_script(f"localStorage.setItem('chaffinch introduced {SLUG}', 'yes')")
        self._context.add_init_script(PROBE)
        self.page: Page
        self.cdp: CDPSession

    def close(self) -> None:
        self._context.close()

    def open(self, *, cpu: int = 1, slow: bool = False) -> dict[str, float]:
        """Go to the page for swiping; return when the first card was there, counted from the navigation."""
        self.page = self._context.new_page()
        self.cdp = self._context.new_cdp_session(self.page)
        self.slow_down(cpu)
        if slow:
            self.cdp.send("Network.enable")
            self.cdp.send("Network.emulateNetworkConditions", SLOW)
        self.page.goto(PAGE, wait_until="commit")
        first: dict[str, float] = wait_for(lambda: self.page.evaluate("cards.first"), "the first card")
        return first

    def slow_down(self, cpu: int) -> None:
        self.cdp.send("Emulation.setCPUThrottlingRate", {"rate": cpu})

    def leave(self) -> None:
        self.page.close()

    def picture(self) -> str:
        """Return the address of the picture on top."""
        address: str = self.page.evaluate("document.querySelector('article.card:not([inert]) img').currentSrc")
        return address

    def settle(self, pictures: int) -> None:
        """Wait until the service worker is there and has fetched so many pictures."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        count = "caches.open('pictures').then((cache) => cache.keys()).then((keys) => keys.length)"
        self.page.reload()
        wait_for(lambda: self.page.evaluate(count) >= pictures, "a deck of pictures")

    def answer(self, number: int) -> dict[str, float]:
        """Answer the card on top, with a finger or a key in turn; return when the next was there, from the gesture."""
        self.page.wait_for_timeout(LOOK_MS)
        before = self.page.evaluate("cards.count")
        if number % 2:
            self.page.keyboard.press("ArrowLeft")
        else:
            self._swipe_right()
        wait_for(lambda: self.page.evaluate("cards.count") > before, "the next card")
        came: dict[str, float] = self.page.evaluate("cards.next")
        return came

    def _swipe_right(self) -> None:
        x, y = SIZE["width"] / 2, SIZE["height"] / 2
        for step in range(9):
            kind = "touchStart" if step == 0 else "touchMove"
            self._touch(kind, [{"x": x + 22 * step, "y": y + step / 2, "id": 1}])
            self.page.wait_for_timeout(16)
        self._touch("touchEnd", [])

    def _touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def until_sent(self) -> None:
        wait_for(lambda: self.page.locator("button.status[data-state=sent]").count(), "the word that all is sent")

    def held(self) -> dict[str, Any]:
        """Return what the page holds when all that can go has gone: bytes, nodes, listeners, rows of its database."""
        self.until_sent()
        self.cdp.send("Performance.enable")
        for _ in range(2):
            self.cdp.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in self.cdp.send("Performance.getMetrics")["metrics"]}
        rows: dict[str, int] = self.page.evaluate(COUNT_ROWS)
        return {
            "heap_bytes": int(metrics["JSHeapUsedSize"]),
            "nodes": int(metrics["Nodes"]),
            "listeners": int(metrics["JSEventListeners"]),
            "rows": rows,
        }
