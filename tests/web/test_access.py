"""The client for people who see, read, hold or move otherwise: every page in every state, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.web.desk_states import DESK_STATES, LaidOut, lay_out
from tests.web.meadow import Service
from tests.web.phone import DESK, SIZE, Phone
from tests.web.states import STATES, ask, tell_volunteers

SIZES = {"phone": SIZE, "desk": DESK}
LANGUAGES = ("en", "ar")
LEAST_PX = 44
SEEN_AGAIN = {"light": ("light", False), "dark, high contrast": ("dark", True), "light, high contrast": ("light", True)}
"""Looks in which nothing differs but colours."""

LARGE: dict[str, tuple[ViewportSize, str]] = {
    "letters twice as large on a phone": (SIZE, "200%"),
    "letters twice as large at a desk": (DESK, "200%"),
    "a desk at 400 %": ({"width": 320, "height": 256}, ""),
    "a small phone": ({"width": 320, "height": 640}, ""),
}


@pytest.fixture(scope="module")
def laid_out(service: Service) -> LaidOut:
    return lay_out(service)


@pytest.fixture(scope="module", params=[*STATES, *DESK_STATES])
def page(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Page]:
    """A page in one of its states. It stays open for all tests: what they change is its looks, as settings do."""
    tell_volunteers(service)
    phone = Phone(browser, service.url, size=DESK)
    if request.param in STATES:
        STATES[request.param](phone)
    else:
        DESK_STATES[request.param](phone, request.getfixturevalue("laid_out"))
    yield phone.page
    phone.close()


def dressed(page: Page) -> Iterator[str]:
    """Show the page in each language at each size, in the dark; tell which it is."""
    page.evaluate("document.documentElement.style.fontSize = ''")
    for language in LANGUAGES:
        speak(page, language)
        for name, size in SIZES.items():
            page.set_viewport_size(size)
            yield f"{language}, {name}"


def speak(page: Page, language: str) -> None:
    ask(page, "set", {"language": language, "theme": "dark", "highContrast": False})
    page.wait_for_function("code => document.documentElement.lang === code", arg=language)


def test_axe_finds_nothing(page: Page) -> None:
    found = {look: ask(page, "axe") for look in dressed(page)}

    assert found == {look: [] for look in found}


def test_colours_can_be_told_apart_in_every_theme(page: Page) -> None:
    page.evaluate("document.documentElement.style.fontSize = ''")
    speak(page, "en")
    found = {}
    for name, size in SIZES.items():
        page.set_viewport_size(size)
        for look, (theme, high) in SEEN_AGAIN.items():
            ask(page, "set", {"theme": theme, "highContrast": high})
            found[f"{name}, {look}"] = ask(page, "axe", {"type": "rule", "values": ["color-contrast"]})

    assert found == {look: [] for look in found}


def test_every_control_has_room_for_a_finger(page: Page) -> None:
    found = {look: ask(page, "small", LEAST_PX) for look in dressed(page)}

    assert found == {look: [] for look in found}


CONTROLS = {"button", "link", "slider", "switch", "checkbox", "combobox", "textbox", "dialog", "group", "progressbar"}


def test_everything_that_can_be_used_has_a_name(page: Page) -> None:
    """As the browser tells it to a screen reader."""
    for _ in dressed(page):
        session = page.context.new_cdp_session(page)
        tree = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        told = [node for node in tree if not node["ignored"] and node["role"]["value"] in CONTROLS]

        assert told != []
        assert [node for node in told if not node.get("name", {}).get("value", "").strip()] == []


def test_there_is_one_heading_of_the_page_one_main_part_and_a_title(page: Page) -> None:
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.locator("header").count() >= 1
    assert page.locator("main h1").inner_text().strip() != ""
    assert " · " in page.title() or page.title() == "Chaffinch"
    assert page.locator("main header, main footer, header main").count() == page.locator("main dialog header").count()


@pytest.mark.parametrize("how", LARGE)
def test_nothing_is_cut_off_or_covered(page: Page, how: str) -> None:
    size, letters = LARGE[how]
    page.set_viewport_size(size)
    page.evaluate("size => { document.documentElement.style.fontSize = size; }", letters)

    found = {}
    for language in LANGUAGES:
        speak(page, language)
        for question in ("cutOff", "wide", "overlaps", "covered"):
            found[f"{language}, {question}"] = ask(page, question)

    assert found == {each: [] for each in found}
