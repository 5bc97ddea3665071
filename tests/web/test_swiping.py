"""Swiping, as fingers and keys do it, from the first card to the last."""

import re
from contextlib import suppress

from playwright.sync_api import Response, expect

from tests.web.conftest import NewPhone
from tests.web.line import Line
from tests.web.meadow import LESSON, MEADOW, POND, SECRET, WHY, Service
from tests.web.phone import DESK, Direction, Phone, until

BIRD = {MEADOW: 1, LESSON: 3, POND: 5}
"""The first workflow of each project: they are numbered as they were published."""


def test_three_swipes_give_three_answers(phone: Phone, service: Service) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    directions: tuple[Direction, ...] = ("right", "left", "up")
    seen: list[str] = []
    for direction in directions:
        seen.append(phone.wait_for_card(other_than=seen[-1] if seen else ""))
        phone.swipe(direction)

    phone.wait_for_card(other_than=seen[-1])
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == list(zip(seen, ["yes", "no", "unsure"], strict=True))


def test_a_card_that_is_let_go_too_soon_snaps_back(phone: Phone) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()

    phone.finger([(195, 400), (215, 400), (235, 400), (255, 400), (255, 400), (255, 400), (255, 400), (255, 400)])
    phone.page.wait_for_timeout(400)

    assert phone.subject() == first
    assert phone.kept("swipes") == []


def test_keys_answer_undo_favour_and_tell(new_phone: NewPhone, service: Service) -> None:
    desk = new_phone(size=DESK)
    page = desk.begin(MEADOW, BIRD[MEADOW])
    first = desk.subject()
    page.keyboard.press("f")
    page.keyboard.press("ArrowRight")
    second = desk.wait_for_card(other_than=first)
    page.keyboard.press("ArrowLeft")
    third = desk.wait_for_card(other_than=second)

    page.keyboard.press("u")
    assert desk.wait_for_card(other_than=third) == second
    page.keyboard.press("ArrowUp")
    desk.wait_for_card(other_than=second)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("hedge")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    desk.wait_until_sent()

    assert service.votes(desk.volunteer()) == [(first, "yes"), (second, "unsure")]
    favourites = service.rows("SELECT subject_id FROM favourite WHERE subject_id = $1", int(first[1:]))
    assert len(favourites) == 1


def test_buttons_answer_once_however_often_they_are_pressed(phone: Phone, service: Service) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()

    phone.page.evaluate(
        "() => { const yes = document.querySelector('.answers .yes'); for (let i = 0; i < 5; i++) yes.click(); }"
    )
    phone.wait_for_card(other_than=first)
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == [(first, "yes")]


def test_two_fingers_and_double_taps_zoom_and_never_answer(phone: Phone) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()

    phone.pinch(80, 240)
    assert 2.5 < phone.zoom() < 3.5
    phone.swipe("right")  # looks around in the zoomed picture
    assert phone.subject() == first
    phone.pinch(240, 40)
    assert phone.zoom() == 1
    phone.double_tap()
    assert phone.zoom() == 2.5
    phone.page.get_by_role("button", name="Whole picture").click()
    assert phone.zoom() == 1
    assert phone.kept("swipes") == []


def test_what_is_hidden_from_volunteers_is_in_no_reply(phone: Phone) -> None:
    bodies: list[str] = []
    phone.page.on("response", lambda reply: bodies.append(reply.text()) if "/v1/" in reply.url else None)

    phone.begin(MEADOW, BIRD[MEADOW])
    phone.page.get_by_role("button", name="Details").click()

    expect(phone.page.get_by_role("dialog")).to_contain_text("place")
    assert any("hedge" in body for body in bodies)
    assert not any(SECRET in body or "#note" in body for body in bodies)


def swipe_to_gold(phone: Phone) -> str:
    """Answer cards with yes until the service tells what one of them was; return that subject."""
    panel = phone.page.locator("section.feedback")
    last = ""
    for _ in range(10):
        last = phone.wait_for_card(other_than=last)
        phone.swipe("right")
        with suppress(AssertionError):
            expect(panel).to_be_visible(timeout=4000)
            break
    expect(panel).to_contain_text("training picture")
    told = (swipe["subject"] for swipe in phone.kept("swipes") if (swipe.get("verdict") or {}).get("feedback"))
    return str(next(told))


def test_a_gold_answer_is_in_no_reply_before_its_vote(phone: Phone, service: Service) -> None:
    bodies: list[tuple[str, str, str]] = []

    def hear(reply: Response) -> None:
        if "/v1/" in reply.url:
            bodies.append((reply.url, reply.request.post_data or "", reply.text()))

    phone.page.on("response", hear)
    phone.begin(LESSON, BIRD[LESSON])

    taught = swipe_to_gold(phone)

    panel = phone.page.locator("section.feedback")
    expect(panel).to_contain_text(WHY)
    truth = service.rows("SELECT truth FROM gold_standard WHERE subject_id = $1 AND current", int(taught[1:]))[0][0]
    expect(panel).to_contain_text("Right!" if truth == 1 else "Not this time")
    assert len(bodies) >= 3
    for url, sent, reply in bodies:
        if not url.endswith("/classifications"):
            assert not any(word in reply for word in ("gold", "truth", WHY))
        elif taught not in sent:
            assert WHY not in reply


def test_nobody_answers_the_next_card_while_reading_about_the_last(phone: Phone) -> None:
    phone.begin(LESSON, BIRD[LESSON])
    swipe_to_gold(phone)
    panel = phone.page.locator("section.feedback")
    before, subject = len(phone.kept("swipes")), phone.subject()

    phone.page.keyboard.press("ArrowRight")
    phone.swipe("left")
    assert phone.subject() == subject
    assert len(phone.kept("swipes")) == before
    while panel.is_visible():
        panel.get_by_role("button", name="Go on").click()
    phone.wait_for_card()
    phone.page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=subject)

    assert len(phone.kept("swipes")) == before + 1


def test_a_picture_that_does_not_come_is_not_judged(phone: Phone) -> None:
    broken = re.compile(r"/media/")
    phone.page.route(broken, lambda route: route.abort())
    phone.context.add_init_script(f"localStorage.setItem('chaffinch introduced {MEADOW}', 'yes')")
    phone.page.goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
    expect(phone.card.get_by_role("alert")).to_contain_text("not come")
    first = phone.subject()

    phone.page.keyboard.press("ArrowRight")
    phone.swipe("right")
    assert phone.subject() == first
    phone.page.unroute(broken)
    phone.card.get_by_role("button", name="Try again").click()
    phone.wait_for_card()
    phone.swipe("right")
    phone.wait_for_card(other_than=first)

    assert [swipe["subject"] for swipe in phone.kept("swipes")] == [first]


def test_a_deck_that_runs_dry_says_why_and_what_next(phone: Phone) -> None:
    page = phone.begin(POND, BIRD[POND])
    last = ""
    for _ in range(3):
        last = phone.wait_for_card(other_than=last)
        phone.swipe("left")

    expect(page.get_by_role("heading", name="Nothing left for you")).to_be_visible()
    page.get_by_role("link", name="See what your swipes became").click()
    expect(page.get_by_role("heading", name="Your effect")).to_be_visible()


def test_pictures_of_the_next_cards_come_before_they_are_wanted(phone: Phone, line: Line) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    until(lambda: len(phone.kept("cards")) == 30)
    phone.page.wait_for_timeout(1500)

    line.mode = "down"
    last = ""
    for _ in range(10):
        last = phone.wait_for_card(other_than=last)
        phone.page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=last)

    assert len(phone.kept("cards")) == 20
