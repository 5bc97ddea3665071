"""What a volunteer sees of levels: the moment of reaching one, the way to the next, a word against a refusal."""

import pytest
from playwright.sync_api import expect

from tests.web.conftest import NewPhone
from tests.web.desk import BIRD, Somebody, a_moderator, candidates, decide, propose, sign_in
from tests.web.meadow import GLADE, Service
from tests.web.phone import Phone


@pytest.fixture(scope="module")
def moderator(service: Service) -> Somebody:
    made = a_moderator(service, "Cecilia")
    candidates(service, made, ["Henrietta"])  # whose answers let subjects reach the harder question
    return made


@pytest.fixture
def volunteer(new_phone: NewPhone) -> Phone:
    """A phone that has answered a card, and has seen that its volunteer is at level 1."""
    phone = new_phone()
    phone.begin(GLADE, BIRD)
    phone.swipe("right")
    phone.wait_until_sent()
    phone.page.goto(f"/p/{GLADE}")
    expect(phone.page.get_by_text("level 2")).to_be_visible()
    phone.page.wait_for_function("key => localStorage.getItem(key) === '1'", arg=f"chaffinch level {GLADE}")
    return phone


def test_a_level_that_was_reached_is_a_moment_once_and_leads_to_its_question(
    volunteer: Phone, service: Service, moderator: Somebody
) -> None:
    page = volunteer.page
    propose(service, moderator, volunteer.volunteer())
    decide(service, moderator, volunteer.volunteer(), "confirm")

    page.reload()
    moment = page.get_by_role("dialog", name="Level 2 is yours")
    expect(moment).to_be_visible()
    moment.get_by_role("button", name="Share").tap()
    expect(moment.get_by_role("status")).not_to_be_empty()
    moment.get_by_role("link", name="Is it at its nest?").tap()

    volunteer.wait_for_card()
    expect(page.get_by_role("heading", name="Is it at its nest?")).to_be_visible()
    page.goto(f"/p/{GLADE}/you")
    expect(page.get_by_role("heading", name="You hold level 2.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_who_was_refused_reads_why_and_may_ask_once_to_look_again(
    volunteer: Phone, service: Service, moderator: Somebody
) -> None:
    page = volunteer.page
    propose(service, moderator, volunteer.volunteer())
    decide(service, moderator, volunteer.volunteer(), "refuse", "Too few wings so far.")

    page.goto(f"/p/{GLADE}/you")
    expect(page.get_by_text("The reason: Too few wings so far.")).to_be_visible()
    page.get_by_role("button", name="Ask them to look again").tap()
    page.get_by_label("Why they should look again").fill("I have seen many wings since.")
    page.get_by_role("button", name="Send").tap()

    expect(page.get_by_text("A moderator has been asked to look at it")).to_be_visible()
    page.reload()
    expect(page.get_by_text("A moderator has been asked to look at it")).to_be_visible()
    expect(page.get_by_role("button", name="Ask them to look again")).to_have_count(0)
    rows = service.rows("SELECT why FROM promotion WHERE action = 'appealed' ORDER BY id DESC LIMIT 1")
    assert [row[0] for row in rows] == ["I have seen many wings since."]


def test_whoever_has_a_name_may_stand_on_the_board_of_the_week_or_not(
    new_phone: NewPhone, service: Service, moderator: Somebody
) -> None:
    phone = new_phone()
    sign_in(phone, moderator)
    name = service.rows("SELECT name FROM volunteer WHERE id = $1", int(moderator.volunteer[1:]))[0][0]
    service.rows(
        "INSERT INTO activity_day (person_id, project_id, day, votes) SELECT v.person_id, p.id, current_date, 5"
        " FROM volunteer v, project p WHERE v.id = $1 AND p.slug = $2",
        int(moderator.volunteer[1:]),
        GLADE,
    )
    page = phone.page

    page.goto(f"/p/{GLADE}/you")
    place = page.get_by_role("region", name="This week").get_by_role("listitem").filter(has_text=name)
    expect(place).to_contain_text("5 answers")
    expect(page.get_by_text("Next: 2 projects; so far 1.")).to_be_visible()
    page.get_by_label("Show my name here").uncheck()

    expect(place).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Show my name here")).not_to_be_checked()
