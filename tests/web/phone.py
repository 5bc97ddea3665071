"""A phone in the browser: its page, real touches on it, and what it keeps."""

import re
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, ViewportSize, expect

SIZE: Final = ViewportSize(width=390, height=844)
DESK: Final = ViewportSize(width=1280, height=800)
Direction = Literal["right", "left", "up"]
AWAY: Final = {"right": (220, 6), "left": (-220, 6), "up": (4, -300)}
PATIENCE_SECONDS: Final = 30.0


class Phone:
    """One volunteer's browser, with the pages that it has open."""

    def __init__(self, browser: Browser, url: str, *, size: ViewportSize = SIZE, **options: Any) -> None:
        touch: dict[str, Any] = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2} if size == SIZE else {}
        self.context: BrowserContext = browser.new_context(
            base_url=url,
            viewport=size,
            **{"locale": "en-GB", **touch, **options},
        )
        self.context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.errors: list[str] = []
        self.page = self.open_page()

    def open_page(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page = page
        return page

    def close(self) -> None:
        self.context.close()
        assert self.errors == []

    def begin(self, slug: str, workflow: int, *, introduced: bool = True) -> Page:
        """Open the page for swiping, and wait for the first card."""
        if introduced:
            self.context.add_init_script(f"localStorage.setItem('chaffinch introduced {slug}', 'yes')")
        self.page.goto(f"/p/{slug}/{workflow}")
        self.wait_for_card()
        return self.page

    # What is seen

    @property
    def card(self) -> Locator:
        return self.page.locator("article.card:not([inert])")

    def subject(self) -> str:
        """Return the subject on top."""
        return self.card.get_attribute("data-subject") or ""

    def wait_for_card(self, other_than: str = "") -> str:
        """Wait until a card is on top whose picture is there, and which has been looked at for long enough."""
        found = re.compile(rf"^(?!{re.escape(other_than)}$)S\d+$") if other_than else re.compile(r"^S\d+$")
        expect(self.card).to_have_attribute("data-subject", found, timeout=PATIENCE_SECONDS * 1000)
        expect(self.answer_button("Yes")).to_have_attribute("aria-disabled", "false", timeout=PATIENCE_SECONDS * 1000)
        self.page.wait_for_timeout(230)
        return self.subject()

    def answer_button(self, name: str) -> Locator:
        return self.page.get_by_role("group", name="Your answer").get_by_role("button", name=name)

    def status(self) -> Locator:
        return self.page.locator("button.status")

    def wait_until_sent(self) -> None:
        expect(self.status()).to_have_text("All sent", timeout=PATIENCE_SECONDS * 1000)

    # What fingers do

    def touches(self) -> CDPSession:
        return self.context.new_cdp_session(self.page)

    def swipe(self, direction: Direction, share: float = 1.0) -> None:
        """Draw the card away with one finger, or a share of the way."""
        box = self.card.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        dx, dy = AWAY[direction]
        self.finger([(x + dx * share * step / 8, y + dy * share * step / 8) for step in range(9)])

    def finger(self, path: list[tuple[float, float]]) -> None:
        touches = self.touches()
        for step, (x, y) in enumerate(path):
            kind = "touchStart" if step == 0 else "touchMove"
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 1}]})
            self.page.wait_for_timeout(16)
        touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        touches.detach()

    def pinch(self, apart_from: float, apart_to: float) -> None:
        """Move two fingers apart, or together."""
        box = self.card.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touches = self.touches()
        for step in range(9):
            half = (apart_from + (apart_to - apart_from) * step / 8) / 2
            points = [{"x": x - half, "y": y, "id": 1}, {"x": x + half, "y": y, "id": 2}]
            kind = "touchStart" if step == 0 else "touchMove"
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            self.page.wait_for_timeout(16)
        touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        touches.detach()

    def double_tap(self) -> None:
        box = self.card.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
        for _ in range(2):
            self.finger([(x, y)])
            self.page.wait_for_timeout(60)

    def zoom(self) -> float:
        return float(self.card.get_attribute("data-zoom") or 0)

    # What it keeps

    def kept(self, store: str) -> list[Any]:
        """Return what lies in a store of the phone's database."""
        rows: list[Any] = self.page.evaluate(
            """store => new Promise((done, fail) => {
                const opening = indexedDB.open("chaffinch");
                opening.onerror = () => fail(opening.error);
                opening.onsuccess = () => {
                    const all = opening.result.transaction(store).objectStore(store).getAll();
                    all.onsuccess = () => { opening.result.close(); done(all.result); };
                };
            })""",
            store,
        )
        return rows

    def volunteer(self) -> str:
        """Return who swipes on this phone."""
        return str(next(row["volunteer"] for row in self.kept("facts") if isinstance(row, dict) and "volunteer" in row))

    def worker_is_ready(self) -> None:
        """Wait until the service worker has the shell and this page."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        self.page.wait_for_function("navigator.serviceWorker.controller !== null")


def until(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)
