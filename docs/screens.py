"""Take the pictures of the phone client that the documentation shows, of a running demonstration.

    python docs/screens.py http://127.0.0.1:8000 docs/screens

A crowd should have swiped before (chaffinch crowd --volunteers 12), so that there is something to see.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.browser import a_browser

SIZES = {"phone": (390, 844), "desk": (1280, 800)}
THEMES = ("dark", "light")
SWIPES = 12

RICHEST_ON_TOP = """() => new Promise((done) => {
    const opening = indexedDB.open("chaffinch");
    opening.onsuccess = () => {
        const change = opening.result.transaction("cards", "readwrite");
        const cards = change.objectStore("cards");
        cards.getAll().onsuccess = (event) => {
            const [richest] = event.target.result.sort((a, b) => b.locations[0].bytes - a.locations[0].bytes);
            cards.put({ ...richest, order: -1 });
        };
        change.oncomplete = () => { opening.result.close(); done(); };
    };
})"""
"""A deck comes at random: of the cards that it has dealt, show the one with the most in it."""


def keep(page: Page, folder: Path, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(folder / f"{name}.webp", quality=86, method=6)
    print(folder / f"{name}.webp")


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready.then(() => null)")
    page.wait_for_timeout(800)


def swipe_until_told(page: Page) -> None:
    """Answer cards until a training picture is explained."""
    told = page.locator("section.feedback")
    for _ in range(SWIPES):
        page.wait_for_selector('.answers .yes[aria-disabled="false"]')
        page.wait_for_timeout(300)
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(3500)
        if told.is_visible():
            return


def take(browser: Browser, url: str, folder: Path, size: str, theme: str) -> None:
    width, height = SIZES[size]
    touch = {"device_scale_factor": 2, "is_mobile": True, "has_touch": True} if size == "phone" else {}
    context = browser.new_context(base_url=url, viewport={"width": width, "height": height}, locale="en-GB", **touch)
    context.add_init_script(f"localStorage.setItem('chaffinch settings', JSON.stringify({{theme: '{theme}'}}))")
    context.add_init_script("localStorage.setItem('chaffinch introduced hubble', 'yes')")
    page = context.new_page()
    page.goto("/p/hubble/1")
    page.wait_for_selector('.answers .yes[aria-disabled="false"]')
    page.evaluate(RICHEST_ON_TOP)
    page.reload()
    page.wait_for_selector('.answers .yes[aria-disabled="false"]')
    settle(page)
    keep(page, folder, f"deck-{size}-{theme}")
    swipe_until_told(page)
    keep(page, folder, f"feedback-{size}-{theme}")
    page.goto("/p/hubble")
    settle(page)
    keep(page, folder, f"project-{size}-{theme}")
    if size == "phone":
        page.goto("/p/hubble/you")
        settle(page)
        keep(page, folder, f"you-{size}-{theme}")
    context.close()


def main(url: str, folder: str) -> None:
    Path(folder).mkdir(exist_ok=True)
    with a_browser() as browser:
        for size in SIZES:
            for theme in THEMES:
                take(browser, url, Path(folder), size, theme)


if __name__ == "__main__":
    main(*sys.argv[1:])
