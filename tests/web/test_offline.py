"""Nothing is lost and nothing counted twice: without a network, through crashes, in two tabs, when time runs out."""

from contextlib import suppress

from playwright.sync_api import Error, Page, expect

from tests.web.line import Line
from tests.web.meadow import LESSON, MEADOW, Service
from tests.web.phone import Phone, until
from tests.web.test_swiping import BIRD, swipe_to_gold

OF_ONE = "WHERE volunteer_id = $1 AND subject_id = $2"
ANSWERS = {"ArrowRight": "yes", "ArrowLeft": "no", "ArrowUp": "unsure"}


def swipe_by_keys(phone: Phone, count: int, last: str = "") -> list[tuple[str, str]]:
    """Answer so many cards, each key in its turn; return what was answered."""
    given = []
    for number in range(count):
        last = phone.wait_for_card(other_than=last)
        key = list(ANSWERS)[number % 3]
        phone.page.keyboard.press(key)
        given.append((last, ANSWERS[key]))
    return given


def lose_the_token(page: Page) -> None:
    """Let the phone have a token that the service does not know."""
    page.evaluate(
        """() => new Promise((done) => {
            const opening = indexedDB.open("chaffinch");
            opening.onsuccess = () => {
                const change = opening.result.transaction("facts", "readwrite");
                const facts = change.objectStore("facts");
                facts.get("volunteer").onsuccess = (event) =>
                    facts.put({ ...event.target.result, token: "chf_" + "0".repeat(43) }, "volunteer");
                change.oncomplete = () => { opening.result.close(); done(); };
            };
        })"""
    )


def whose(phone: Phone, subject: str) -> tuple[int, int]:
    return int(phone.volunteer()[1:]), int(subject[1:])


def crash(page: Page) -> None:
    """Let the tab's process die at once, with whatever it was doing."""
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash")
    page.close()


def test_thirty_swipes_in_airplane_mode_a_reload_and_a_crash_are_thirty_votes(
    phone: Phone, line: Line, service: Service
) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    phone.worker_is_ready()
    until(lambda: len(phone.kept("cards")) == 30)
    phone.page.wait_for_timeout(2000)  # the pictures of the deck come one after another
    phone.context.set_offline(True)
    line.mode = "down"

    given = swipe_by_keys(phone, 12)
    expect(phone.status()).to_contain_text("Offline, 12 saved here")
    phone.page.reload()
    given += swipe_by_keys(phone, 9, given[-1][0])
    until(lambda: len(phone.kept("swipes")) == 21)
    crash(phone.page)
    phone.open_page().goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
    given += swipe_by_keys(phone, 9, given[-1][0])
    until(lambda: len(phone.kept("swipes")) == 30)
    volunteer = phone.volunteer()
    assert service.votes(volunteer) == []

    line.mode = "open"
    phone.context.set_offline(False)
    phone.wait_until_sent()

    assert service.votes(volunteer) == given
    assert len({subject for subject, _ in given}) == 30


def test_a_service_killed_between_commit_and_reply_loses_and_doubles_nothing(
    phone: Phone, line: Line, service: Service
) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])

    def kill_and_restart() -> None:
        service.kill()
        service.start()
        line.target = service.url

    line.swallow_next_verdicts(kill_and_restart)
    given = swipe_by_keys(phone, 4)
    until(lambda: line.swallowed == 1)
    given += swipe_by_keys(phone, 2, given[-1][0])
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == given
    duplicates = [swipe for swipe in phone.kept("swipes") if swipe["verdict"]["verdict"] == "duplicate"]
    assert len(duplicates) >= 1


def test_undo_before_sending_says_nothing_to_the_service(phone: Phone, service: Service) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()
    page.keyboard.press("ArrowRight")
    second = phone.wait_for_card(other_than=first)

    page.get_by_role("button", name="Undo").click()
    assert phone.wait_for_card(other_than=second) == first
    page.keyboard.press("ArrowLeft")
    phone.wait_for_card(other_than=first)
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == [(first, "no")]
    assert service.retractions(phone.volunteer()) == 0


def test_undo_after_sending_takes_the_vote_back(phone: Phone, service: Service) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()
    page.keyboard.press("ArrowRight")
    second = phone.wait_for_card(other_than=first)
    phone.wait_until_sent()
    assert service.votes(phone.volunteer()) == [(first, "yes")]

    page.get_by_role("button", name="Undo").click()
    assert phone.wait_for_card(other_than=second) == first
    page.keyboard.press("ArrowLeft")
    phone.wait_for_card(other_than=first)
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == [(first, "yes"), (first, "no")]
    assert service.retractions(phone.volunteer()) == 1
    counted = service.rows(
        "SELECT answer, attempt FROM card WHERE subject_id = $1 AND volunteer_id = $2",
        int(first[1:]),
        int(phone.volunteer()[1:]),
    )
    assert counted == [(0, 1)]


def test_an_undo_that_meets_its_swipe_on_the_way_takes_it_back(phone: Phone, line: Line, service: Service) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    first = phone.subject()
    line.mode = "down"
    page.keyboard.press("ArrowRight")
    second = phone.wait_for_card(other_than=first)
    until(lambda: any(swipe["tried"] for swipe in phone.kept("swipes")))

    page.get_by_role("button", name="Undo").click()
    assert phone.wait_for_card(other_than=second) == first
    page.keyboard.press("ArrowLeft")
    phone.wait_for_card(other_than=first)
    line.mode = "open"
    phone.wait_until_sent()

    assert service.votes(phone.volunteer())[-1] == (first, "no")
    assert service.rows(
        "SELECT answer FROM card WHERE subject_id = $1 AND volunteer_id = $2",
        int(first[1:]),
        int(phone.volunteer()[1:]),
    ) == [(0,)]


def test_a_gold_answer_that_has_been_shown_cannot_be_taken_back(phone: Phone, service: Service) -> None:
    page = phone.begin(LESSON, BIRD[LESSON])
    taught = swipe_to_gold(phone)
    panel = page.locator("section.feedback")
    while panel.is_visible():
        panel.get_by_role("button", name="Go on").click()
    phone.wait_until_sent()
    votes = service.votes(phone.volunteer())
    while panel.is_visible():
        panel.get_by_role("button", name="Go on").click()

    for _ in votes:
        page.keyboard.press("u")
        page.wait_for_timeout(300)

    assert taught in {subject for subject, _ in votes}
    answered = service.rows(
        "SELECT answer FROM card WHERE subject_id = $1 AND volunteer_id = $2",
        int(taught[1:]),
        int(phone.volunteer()[1:]),
    )
    assert answered[0][0] is not None


def test_two_tabs_show_different_cards_and_answer_each_once(phone: Phone, service: Service) -> None:
    one = phone.begin(MEADOW, BIRD[MEADOW])
    other = phone.open_page()
    other.goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
    phone.wait_for_card()
    in_other = phone.subject()
    phone.page = one
    in_one = phone.subject()
    assert in_one != in_other

    given = []
    for page in (one, other, one, other, one, other):
        phone.page = page
        subject = phone.wait_for_card()
        page.keyboard.press("ArrowRight")
        phone.wait_for_card(other_than=subject)
        given.append(subject)
    phone.wait_until_sent()

    assert len(set(given)) == 6
    assert sorted(service.votes(phone.volunteer())) == sorted((subject, "yes") for subject in given)


def test_the_same_card_answered_in_two_tabs_is_one_vote(phone: Phone, service: Service) -> None:
    one = phone.begin(MEADOW, BIRD[MEADOW])
    shown = phone.subject()
    twin = phone.open_page()
    twin.add_init_script("navigator.locks.query = async () => ({ held: [] })")  # it knows of no other tab
    twin.goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
    assert phone.wait_for_card() == shown
    phone.page = one
    phone.wait_for_card()

    one.evaluate("document.querySelector('.answers .yes').click()")
    twin.evaluate("document.querySelector('.answers .no').click()")
    phone.wait_for_card(other_than=shown)
    phone.wait_until_sent()

    assert [subject for subject, _ in service.votes(phone.volunteer())].count(shown) == 1


def test_a_card_whose_time_has_run_out_is_not_shown(phone: Phone) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    old = {card["subject"] for card in phone.kept("cards")}
    shown = phone.subject()

    age_the_cards(page, except_for=shown)
    page.reload()
    assert phone.wait_for_card() == shown
    page.keyboard.press("ArrowRight")
    fresh = phone.wait_for_card(other_than=shown)

    left = {card["subject"]: card["accepted_until"] for card in phone.kept("cards")}
    assert fresh in left
    assert all(until > "2026" for until in left.values())
    assert old - {shown} != set()


def age_the_cards(page: Page, except_for: str) -> None:
    """Let the cards on the phone have run out long ago."""
    page.evaluate(
        """subject => new Promise((done) => {
            const opening = indexedDB.open("chaffinch");
            opening.onsuccess = () => {
                const change = opening.result.transaction("cards", "readwrite");
                const cards = change.objectStore("cards");
                cards.getAll().onsuccess = (event) => {
                    for (const card of event.target.result) {
                        if (card.subject !== subject) cards.put({ ...card, accepted_until: "2020-01-01T00:00:00Z" });
                    }
                };
                change.oncomplete = () => { opening.result.close(); done(); };
            };
        })""",
        except_for,
    )


def test_a_vote_that_comes_when_its_lease_is_over_is_kept_and_said_kindly(
    phone: Phone, line: Line, service: Service
) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    shown = phone.subject()
    line.mode = "down"
    page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=shown)
    service.rows(
        "UPDATE card SET reserved_until = now() - interval '9 days', accepted_until = now() - interval '1 day' "
        "WHERE volunteer_id = $1 AND subject_id = $2",
        int(phone.volunteer()[1:]),
        int(shown[1:]),
    )

    line.mode = "open"
    phone.wait_until_sent()

    expect(page.locator("p.kept")).to_contain_text("the card had run out")
    assert service.votes(phone.volunteer()) == [(shown, "yes")]


def test_what_the_service_does_not_take_is_shown_and_kept_out_of_the_way(
    phone: Phone, line: Line, service: Service
) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    shown = phone.subject()
    line.mode = "down"
    page.keyboard.press("ArrowRight")
    second = phone.wait_for_card(other_than=shown)
    service.rows(
        "DELETE FROM card WHERE volunteer_id = $1 AND subject_id = $2", int(phone.volunteer()[1:]), int(shown[1:])
    )
    line.mode = "open"

    expect(phone.status()).to_have_text("1 not taken")
    page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=second)
    phone.status().click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("not taken")
    until(lambda: service.votes(phone.volunteer()) == [(second, "yes")])
    sheet.get_by_role("button", name="Put away").click()
    page.keyboard.press("Escape")

    expect(phone.status()).to_have_text("All sent")


def test_a_phone_that_the_service_no_longer_knows_says_so_and_can_begin_anew(phone: Phone, service: Service) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    before = phone.volunteer()
    lose_the_token(page)
    page.keyboard.press("ArrowRight")

    page.get_by_role("button", name="Begin anew").click()
    phone.wait_for_card()

    assert phone.volunteer() != before
    assert service.votes(before) == []
    assert [swipe["state"] for swipe in phone.kept("swipes")] == ["set_aside"]
