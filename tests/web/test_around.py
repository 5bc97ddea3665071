"""What stands around the cards: the introduction, several pictures, a video, a shared subject, what one did."""

import re

from playwright.sync_api import expect

from tests.web.conftest import NewPhone
from tests.web.meadow import FILM, LESSON, MEADOW, Service
from tests.web.phone import DESK, Phone, until
from tests.web.test_swiping import BIRD, swipe_to_gold


def test_the_introduction_comes_once_and_can_be_skipped(phone: Phone) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW], introduced=False)
    introduction = page.get_by_role("dialog", name="How it works")
    expect(introduction).to_contain_text("Swipe up if you are not sure")
    first = phone.subject()

    page.keyboard.press("ArrowRight")
    assert phone.subject() == first
    introduction.get_by_role("button", name="Skip").click()
    phone.swipe("right")
    phone.wait_for_card(other_than=first)
    page.reload()
    phone.wait_for_card()

    expect(introduction).not_to_be_visible()


def card_of_two(phone: Phone) -> None:
    """Put a card with two pictures on top."""
    two = next(card["subject"] for card in phone.kept("cards") if len(card["locations"]) == 2)
    for _ in range(40):
        if phone.wait_for_card() == two:
            return
        shown = phone.subject()
        phone.page.keyboard.press("ArrowRight")
        phone.wait_for_card(other_than=shown)


def test_several_pictures_are_flipped_or_stand_side_by_side(new_phone: NewPhone) -> None:
    desk = new_phone(size=DESK)
    page = desk.begin(MEADOW, BIRD[MEADOW])
    card_of_two(desk)
    first, second = desk.card.get_by_role("img", name=re.compile("picture 1 of 2")), desk.card.locator("img").nth(1)

    expect(first).to_be_visible()
    expect(second).not_to_be_visible()
    page.keyboard.press("2")
    expect(second).to_be_visible()
    expect(first).not_to_be_visible()
    page.get_by_role("button", name="Picture 1 of 2").click()
    expect(first).to_be_visible()
    page.get_by_role("button", name="Light and arrangement").click()
    page.get_by_role("button", name="Side by side").click()
    page.get_by_role("button", name="Close").click()

    expect(first).to_be_visible()
    expect(second).to_be_visible()
    left, right = first.bounding_box(), second.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"] + 1


def test_light_and_inversion_hold_for_the_sitting(phone: Phone) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()
    page.get_by_role("button", name="Light and arrangement").click()
    page.get_by_label("Brightness").fill("2")
    page.get_by_role("button", name="Invert").click()
    page.get_by_role("button", name="Close").click()
    phone.swipe("left")
    phone.wait_for_card(other_than=first)

    style = phone.card.locator("img").first.evaluate("image => image.style.filter")

    assert style == "brightness(2) contrast(1) invert(1)"


def test_a_video_is_judged_when_it_can_be_seen(phone: Phone, service: Service) -> None:
    phone.begin(FILM, BIRD[FILM])
    film = phone.card.locator("video")
    expect(film).to_have_js_property("paused", False)
    shown = phone.subject()

    phone.swipe("right")

    until(lambda: service.votes(phone.volunteer()) == [(shown, "yes")])


def test_a_shared_link_leads_to_one_subject_and_on_to_the_question(phone: Phone) -> None:
    phone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = phone.begin(MEADOW, BIRD[MEADOW])
    shown = phone.subject()
    page.evaluate("navigator.share = undefined")
    page.get_by_role("button", name="Details").click()
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("status").filter(has_text="Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"/s/{shown}")

    other = phone.open_page()
    other.goto(link)

    expect(other.get_by_role("heading", name=shown)).to_be_visible()
    expect(other.get_by_role("img", name=f"Subject {shown}").first).to_be_visible()
    other.get_by_role("link", name="Answer subjects like this one").click()
    phone.wait_for_card()


def test_your_effect_tells_what_training_showed(phone: Phone) -> None:
    page = phone.begin(LESSON, BIRD[LESSON])
    swipe_to_gold(phone)
    page.goto(f"/p/{LESSON}")
    phone.wait_until_sent()

    page.get_by_role("link", name="Your effect").click()

    expect(page.get_by_role("heading", name="Training pictures")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d of \d right")).first).to_be_visible()
    expect(page.get_by_role("heading", name="On the way to level 2")).to_be_visible()


def test_an_address_that_leads_nowhere_says_so(phone: Phone) -> None:
    for path in ("/p/no-such-project", "/s/S999999", f"/p/{MEADOW}/999999"):
        phone.page.goto(path)
        expect(phone.page.get_by_text("There is nothing at this address.")).to_be_visible()
