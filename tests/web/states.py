"""Every page of the client in every state that people meet, opened as they would; and what can be asked of each."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

from api.media.storage import place_of
from api.services.pages import import_pages
from api.settings import Settings
from api.store.engine import open_pool
from tests.web.meadow import LESSON, MEADOW, POND, SUBJECTS, Service, draw
from tests.web.phone import Phone, until

BIRD: Final = {MEADOW: 1, LESSON: 3, POND: 5}
WEB: Final = Path(__file__).parents[2] / "web"
AXE: Final = (WEB / "node_modules/axe-core/axe.min.js").read_text()
ASKING: Final = Path(__file__).with_name("access.js").read_text()

PAGES: Final = {
    "about.md": "# About the birds\n\nBirds sing in [the hedge](https://example.org/hedge), and `sit` there.\n",
    "tutorial.md": "# How it goes\n\n## Look for a beak\n\nA beak is *pointed*. Leaves are not.\n",
    "guide.md": (
        "# Field guide\n\n## A chaffinch {bird=yes}\n\n![A brown bird on a branch](bird.png)\n\n"
        "Its wing has a white bar.\n\n| part | colour |\n|---|---|\n| breast | reddish brown |\n| head | slate |\n"
    ),
}
"""What the project of training pictures tells its volunteers."""


def projects(phone: Phone) -> None:
    phone.page.goto("/")
    expect(phone.page.locator("main li")).to_have_count(len(SUBJECTS))


def project(phone: Phone) -> None:
    phone.page.goto(f"/p/{LESSON}")
    expect(phone.page.locator("main .about")).to_be_visible()
    expect(phone.page.locator("main .funnel").first).to_be_visible()


def card(phone: Phone) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])


def several(phone: Phone) -> None:
    """A card with more than one picture, after an answer to the one before."""
    phone.begin(MEADOW, BIRD[MEADOW])
    answered = 0
    while answered == 0 or phone.page.locator(".places").count() == 0:
        subject = phone.subject()
        phone.page.keyboard.press("ArrowRight")
        phone.wait_for_card(other_than=subject)
        answered += 1


def tutorial(phone: Phone) -> None:
    phone.page.goto(f"/p/{LESSON}/{BIRD[LESSON]}")
    expect(phone.page.get_by_role("dialog")).to_be_visible()


def lesson(phone: Phone) -> None:
    """The project's own step of the introduction."""
    tutorial(phone)
    phone.page.locator("dialog .primary").click()
    expect(phone.page.get_by_role("dialog")).to_contain_text("pointed")


def details(phone: Phone) -> None:
    card(phone)
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("dialog")).to_contain_text("hedge")


def light(phone: Phone) -> None:
    several(phone)
    phone.page.get_by_role("button", name="Light and arrangement").click()
    expect(phone.page.get_by_role("dialog")).to_be_visible()


def yours(phone: Phone) -> None:
    several(phone)
    phone.status().click()
    expect(phone.page.locator("dialog li").first).to_be_visible()


def feedback(phone: Phone) -> None:
    phone.begin(LESSON, BIRD[LESSON])
    swipe_until_taught(phone)


def swipe_until_taught(phone: Phone) -> None:
    panel = phone.page.locator(".feedback")
    last = ""
    while panel.count() == 0:
        last = phone.wait_for_card(other_than=last)
        phone.page.keyboard.press("ArrowRight")
        if panel.count() == 0:
            phone.page.wait_for_timeout(1000)


def _is_away(phone: Phone, subject: str) -> bool:
    return phone.card.count() == 0 or phone.subject() != subject


def dry(phone: Phone) -> None:
    phone.begin(POND, BIRD[POND])
    last = ""
    while phone.card.count() > 0:
        last = phone.wait_for_card(other_than=last)
        phone.page.keyboard.press("ArrowLeft")
        until(partial(_is_away, phone, last))
    expect(phone.page.locator(".dry .next")).to_be_visible()


def guide(phone: Phone) -> None:
    phone.page.goto(f"/p/{LESSON}/guide")
    expect(phone.page.locator("article img")).to_be_visible()


def you(phone: Phone) -> None:
    feedback(phone)
    phone.page.goto(f"/p/{LESSON}/you")
    expect(phone.page.locator("main .days")).to_be_visible()


def shared(phone: Phone) -> None:
    phone.page.goto("/s/S5")
    expect(phone.page.locator("main img.shown").first).to_be_visible()


def set_up(phone: Phone) -> None:
    phone.page.goto("/settings")
    expect(phone.page.locator("main select").first).to_be_visible()


def signed_out(phone: Phone) -> None:
    phone.page.goto("/account?login_error=unknown")
    expect(phone.page.get_by_role("button", name="Continue with The lab")).to_be_visible()
    expect(phone.page.get_by_role("alert")).to_be_visible()


def signed_in(phone: Phone) -> None:
    phone.page.goto("/account")
    phone.page.get_by_role("button", name="Continue with The lab").click()
    expect(phone.page.get_by_label("Your name")).to_be_visible()


def unknown(phone: Phone) -> None:
    phone.page.goto("/p/nowhere")
    expect(phone.page.locator("main h1")).to_be_visible()


STATES: Final[dict[str, Callable[[Phone], None]]] = {
    each.__name__: each
    for each in (
        projects, project, card, several, tutorial, lesson, details, light, yours, feedback, dry, guide, you, shared,
        set_up, signed_out, signed_in, unknown,
    )
}  # fmt: skip


def ask(page: Page, question: str, value: Any = None) -> Any:
    """Call a function of `access.js` in the page."""
    if not page.evaluate("'access' in globalThis"):
        page.evaluate(f"{AXE}\n{ASKING}\nnull")
    return page.evaluate(f"value => access.{question}(value)", value)


def tell_volunteers(service: Service) -> None:
    """Let the project of training pictures have its pages."""
    folder = service.data_dir / "told"
    if folder.exists():
        return
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    draw(folder, "bird.png", 1)
    settings = Settings(data_dir=service.data_dir, database_url=service.database_url)
    with ThreadPoolExecutor(1) as beside:  # Playwright's event loop has this thread
        beside.submit(asyncio.run, _import(folder, settings)).result()


async def _import(folder: Path, settings: Settings) -> None:
    assert settings.database_url is not None
    pool = await open_pool(settings.database_url, 1)
    try:
        await import_pages(pool, folder, LESSON, place_of(settings))
    finally:
        await pool.close()
