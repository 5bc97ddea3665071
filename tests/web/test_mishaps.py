"""What must not happen to a swipe: to be given up for somebody else's word, or to take another's marks."""

from playwright.sync_api import expect

from tests.web.line import Line
from tests.web.meadow import MEADOW, Service
from tests.web.phone import Phone
from tests.web.test_swiping import BIRD


def test_what_answers_in_the_service_s_place_is_not_believed(phone: Phone, line: Line, service: Service) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    shown = phone.subject()
    line.strangers = [404, 401]

    page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=shown)
    phone.wait_until_sent()

    assert line.strangers == []
    assert service.votes(phone.volunteer()) == [(shown, "yes")]
    expect(page.get_by_role("button", name="Begin anew")).not_to_be_visible()


def test_a_mark_stays_with_the_subject_that_it_was_given_to(phone: Phone) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()
    page.keyboard.press("ArrowRight")
    second = phone.wait_for_card(other_than=first)
    favourite = page.get_by_role("button", name="Favourite")
    page.keyboard.press("f")
    expect(favourite).to_have_attribute("aria-pressed", "true")

    page.keyboard.press("u")
    phone.wait_for_card(other_than=second)
    expect(favourite).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=first)

    assert [(swipe["subject"], swipe["favourite"]) for swipe in phone.kept("swipes")] == [(first, False)]
