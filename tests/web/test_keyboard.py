"""The client by keyboard and by ear alone: where focus is, what is said, and what stands still."""

import re

from playwright.sync_api import Page, expect

from tests.web.conftest import NewPhone
from tests.web.meadow import LESSON, MEADOW, Service
from tests.web.phone import DESK, Phone
from tests.web.states import BIRD, card, swipe_until_taught, tell_volunteers, tutorial


def focused(page: Page) -> str:
    """Return the name of what has the focus, or its element's."""
    name: str = page.evaluate(
        """() => {
            const { activeElement: node } = document;
            if (node.id === "content") return node.id;
            return node.getAttribute("aria-label") ?? (node.innerText.trim() || node.localName);
        }"""
    )
    return name


def stops(page: Page, count: int) -> list[str]:
    """Press Tab so often; return what had the focus each time, and see that each time it could be seen."""
    found: list[str] = []
    while len(found) < count:
        page.keyboard.press("Tab")
        name = focused(page)
        if not name.startswith("Picture "):  # some cards have several
            found.append(name)
        assert page.evaluate(
            """() => {
                const { activeElement: node } = document;
                const { outlineStyle, outlineWidth } = getComputedStyle(node);
                const { top, bottom } = node.getBoundingClientRect();
                return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && bottom > 0 && top < innerHeight;
            }"""
        ), f"it cannot be seen that {name} has the focus"
    return found


def test_focus_goes_through_the_deck_as_it_is_read(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    card(desk)

    assert stops(desk.page, 13) == [
        "Skip to the content",
        "Back",
        "0 today",
        "All sent",
        "Zoom out",
        "Zoom in",
        "Undo",
        "Favourite",
        "Light and arrangement",
        "Details",
        "No",
        "Not sure",
        "Yes",
    ]


def test_the_skip_link_leads_past_the_bar(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    card(desk)
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Enter")

    assert focused(desk.page) == "content"
    assert stops(desk.page, 1) == ["Zoom out"]


def test_a_button_answers_by_keyboard_and_keeps_the_focus(new_phone: NewPhone, service: Service) -> None:
    desk = new_phone(size=DESK)
    card(desk)
    first = desk.subject()
    said = desk.page.locator("main [aria-live=polite]")
    expect(said).to_have_text(f"Subject {first}. Is there a bird in the picture?")

    desk.answer_button("Not sure").focus()
    desk.page.keyboard.press("Enter")
    second = desk.wait_for_card(other_than=first)

    assert focused(desk.page) == "Not sure"
    expect(said).to_have_text(f"Subject {second}. Is there a bird in the picture?")
    desk.wait_until_sent()
    assert service.votes(desk.volunteer()) == [(first, "unsure")]


def test_undo_keeps_the_focus_and_says_when_there_is_nothing_left(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    card(desk)
    first = desk.subject()
    undo = desk.page.get_by_role("button", name="Undo")
    expect(undo).to_have_attribute("aria-disabled", "true")
    desk.page.keyboard.press("ArrowLeft")
    desk.wait_for_card(other_than=first)

    undo.press("Enter")
    expect(desk.card).to_have_attribute("data-subject", first)
    expect(undo).to_have_attribute("aria-disabled", "true")
    assert focused(desk.page) == "Undo"
    undo.press("Enter")

    expect(desk.page.locator(".notices [role=status]")).to_have_text("Nothing to undo.")


def test_a_sheet_holds_the_focus_until_escape_gives_it_back(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    card(desk)
    for name, count in (("Light and arrangement", 5), ("Details", 4), ("All sent", 1)):
        button = desk.page.get_by_role("button", name=name)
        button.focus()
        desk.page.keyboard.press("Enter")
        dialog = desk.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        assert focused(desk.page) == "Close"
        for _ in range(count + 3):
            desk.page.keyboard.press("Tab")
            assert desk.page.evaluate(
                "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
            )
        desk.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

        assert focused(desk.page) == name


def test_the_introduction_begins_at_its_next_step_and_can_be_left(new_phone: NewPhone, service: Service) -> None:
    tell_volunteers(service)
    desk = new_phone(size=DESK)
    tutorial(desk)
    dialog = desk.page.get_by_role("dialog")
    expect(dialog).to_have_accessible_name("How it works")
    expect(dialog.get_by_role("button", name="Next")).to_be_focused()

    desk.page.keyboard.press("Enter")
    expect(dialog).to_have_accessible_name("Look for a beak")
    desk.page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    first = desk.wait_for_card()
    desk.page.keyboard.press("ArrowRight")
    desk.wait_for_card(other_than=first)


def test_what_a_training_picture_teaches_takes_the_focus_and_gives_it_back(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    desk.begin(LESSON, BIRD[LESSON])
    desk.page.locator("button.no").focus()
    swipe_until_taught(desk)
    panel = desk.page.locator(".feedback")
    go_on = panel.get_by_role("button", name="Go on")
    expect(go_on).to_be_focused()
    expect(go_on).to_have_accessible_description(re.compile("training picture"))

    while panel.count() > 0:
        desk.page.keyboard.press("Enter")
        desk.page.wait_for_timeout(100)

    assert focused(desk.page) == "No"


def test_another_page_takes_the_focus_and_has_its_own_title(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    page = desk.page
    page.goto("/")
    assert page.title() == "Chaffinch"

    page.get_by_role("link", name="Birds of the meadow").press("Enter")
    expect(page).to_have_title("Birds of the meadow · Chaffinch")
    assert focused(page) == "content"
    page.get_by_role("link", name="Field guide").press("Enter")
    expect(page).to_have_title("Field guide · Birds of the meadow")
    assert focused(page) == "content"
    page.go_back()
    expect(page).to_have_title("Birds of the meadow · Chaffinch")
    assert focused(page) == "content"
    page.get_by_role("link", name="Settings").press("Enter")

    expect(page).to_have_title("Settings · Chaffinch")
    assert focused(page) == "content"


def test_an_address_of_nothing_says_so_in_its_title(phone: Phone) -> None:
    phone.page.goto("/p/nowhere")

    expect(phone.page).to_have_title("There is nothing at this address. · Chaffinch")


def test_the_title_is_there_before_any_script_has_run(phone: Phone) -> None:
    head, _, body = phone.context.request.get(f"/p/{MEADOW}").text().partition("</head>")

    assert "<title>Birds of the meadow · Chaffinch</title>" in head
    assert "Birds" not in body


def moving(page: Page) -> list[str]:
    """Return how long each part of the card takes to come to where it belongs."""
    times: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".card, .card *")]
            .map((node) => getComputedStyle(node).transitionDuration)"""
    )
    return sorted(set(times))


def test_nothing_moves_by_itself_for_those_who_want_it_so(new_phone: NewPhone) -> None:
    by_device = new_phone(reduced_motion="reduce")
    card(by_device)
    by_setting = new_phone(reduced_motion="no-preference")
    by_setting.page.goto("/settings")
    by_setting.page.get_by_role("switch", name="Less motion").check()
    card(by_setting)
    lively = new_phone(reduced_motion="no-preference")
    card(lively)

    assert moving(by_device.page) == ["0s"]
    assert moving(by_setting.page) == ["0s"]
    assert moving(lively.page) != ["0s"]


def middle(phone: Phone, selector: str) -> float:
    box = phone.page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def test_tools_are_at_the_hand_and_yes_is_right_in_every_language(new_phone: NewPhone) -> None:
    for language in ("en-GB", "ar"):
        for left_handed in (False, True):
            phone = new_phone(locale=language)
            if left_handed:
                phone.page.goto("/settings")
                phone.page.get_by_role("switch").first.check()
            phone.context.add_init_script(f"localStorage.setItem('chaffinch introduced {MEADOW}', 'yes')")
            phone.page.goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
            expect(phone.page.locator("button.yes")).to_have_attribute("aria-disabled", "false")

            width = 390
            assert middle(phone, "button.no") < width / 2 < middle(phone, "button.yes")
            assert (middle(phone, ".tools button:last-child") < width / 2) == left_handed
            assert (middle(phone, "header > button") < width / 2) == (language != "ar")
            assert (middle(phone, "button.status") > width / 2) == (language != "ar")
