"""The moderators' desk, and what comes of it on a volunteer's phone."""

import re
import uuid
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import NewPhone
from tests.web.desk import (
    BIRD,
    NEST,
    Somebody,
    a_moderator,
    candidates,
    decide,
    post,
    propose,
    sign_in,
)
from tests.web.meadow import GLADE, MEADOW, Service
from tests.web.phone import DESK, Phone, until


@pytest.fixture(scope="module")
def moderator(service: Service) -> Somebody:
    return a_moderator(service, "Ada")


def opened(phone: Phone, moderator: Somebody, path: str = "") -> Page:
    """Open a page of the desk, signed in."""
    sign_in(phone, moderator)
    phone.page.goto(f"/desk/{GLADE}{path}")
    return phone.page


def card(page: Page, somebody: Somebody) -> Locator:
    return page.locator(f"article[data-volunteer={somebody.volunteer}]")


def actions(service: Service, somebody: Somebody) -> list[str]:
    """Return what the ledger says of somebody, the oldest first."""
    rows = service.rows("SELECT action FROM promotion WHERE volunteer_id = $1 ORDER BY id", int(somebody.volunteer[1:]))
    return [row[0] for row in rows]


def test_one_tap_confirms_and_the_next_deck_on_the_phone_has_harder_cards(
    new_phone: NewPhone, service: Service, moderator: Somebody
) -> None:
    candidates(service, moderator, ["Maria"])  # whose answers let subjects reach the harder question
    volunteers = new_phone()
    volunteers.begin(GLADE, BIRD)
    volunteers.swipe("right")
    volunteers.wait_until_sent()
    somebody = Somebody("", volunteers.volunteer())
    volunteers.page.goto(f"/p/{GLADE}/{NEST}")
    expect(volunteers.page.get_by_text("This question is for volunteers who hold its level.")).to_be_visible()
    propose(service, moderator, somebody.volunteer)

    page = opened(new_phone(), moderator)
    card(page, somebody).get_by_role("button", name="Confirm").tap()

    expect(card(page, somebody)).to_contain_text("holds level 2 from now on")
    assert actions(service, somebody)[-1] == "confirmed"
    volunteers.page.get_by_role("button", name="Look again").click()
    volunteers.wait_for_card()
    expect(volunteers.page.get_by_role("heading", name="Is it at its nest?")).to_be_visible()


def test_a_card_tells_the_evidence_in_words_and_shows_training_answers(
    phone: Phone, service: Service, moderator: Somebody
) -> None:
    [somebody] = candidates(service, moderator, ["Caroline"])
    page = opened(phone, moderator)
    shown = card(page, somebody)

    in_words = re.compile(r"Of what is yes, recognises between \d+% and \d+%")
    expect(shown.get_by_role("img", name=in_words)).to_be_visible()
    expect(shown.get_by_text(re.compile(r"\d+ of \d+ right")).first).to_be_visible()
    expect(shown).to_contain_text("no Talk yet")
    shown.get_by_role("button", name="Examples").click()

    expect(shown.get_by_role("heading", name="Training answers that were right")).to_be_visible()
    picture = shown.locator(".opened img").first
    picture.scroll_into_view_if_needed()
    until(lambda: bool(picture.evaluate("image => image.complete && image.naturalWidth > 0")))


def test_who_is_refused_is_told_why(new_phone: NewPhone, service: Service, moderator: Somebody) -> None:
    [somebody] = candidates(service, moderator, ["Annie"])
    page = opened(new_phone(), moderator)
    card(page, somebody).get_by_role("button", name="Refuse").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Refuse").click(force=True)
    assert actions(service, somebody) == ["proposed_by_moderator"], "no reason was given"

    form.get_by_role("button", name=re.compile("Please take part")).click()
    reason = form.get_by_role("textbox", name="Why")
    expect(reason).to_have_value("Please take part a little longer before the next level.")
    reason.fill("Please look at the hedge again.")
    form.get_by_role("button", name="Refuse").click()

    expect(card(page, somebody)).to_contain_text("was refused level 2")
    [(why,)] = service.rows("SELECT why FROM promotion WHERE action = 'refused' AND why LIKE '%hedge%'")
    assert why == "Please look at the hedge again."


def test_several_are_decided_together_after_a_look_at_what_would_change(
    new_phone: NewPhone, service: Service, moderator: Somebody
) -> None:
    people = candidates(service, moderator, ["Henrietta", "Williamina", "Cecilia"])
    page = opened(new_phone(size=DESK), moderator)
    for each in people:
        card(page, each).get_by_role("checkbox").click()
    together = page.get_by_role("group", name="3 chosen")
    together.get_by_role("button", name="Confirm").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("level 1 → level 2")).to_have_count(3)
    assert [actions(service, each) for each in people] == [["proposed_by_moderator"]] * 3

    form.get_by_role("button", name="Confirm (3)").click()

    for each in people:
        expect(card(page, each)).to_contain_text("holds level 2 from now on")
    expect(page.get_by_role("status").filter(has_text="Decided: 3. Not decided: 0.")).to_be_attached()
    assert [actions(service, each)[-1] for each in people] == ["confirmed"] * 3
    expect(together).not_to_be_visible()


def test_a_second_moderator_is_told_what_the_first_decided(phone: Phone, service: Service, moderator: Somebody) -> None:
    quicker = a_moderator(service, "Grace")
    [somebody] = candidates(service, moderator, ["Vera"])
    page = opened(phone, moderator)
    expect(card(page, somebody)).to_be_visible()
    decide(service, quicker, somebody.volunteer, "refuse", "Not yet.")

    card(page, somebody).get_by_role("button", name="Confirm").click()

    told = re.compile("Somebody was quicker: refused by .*Grace.*Nothing was changed")
    expect(card(page, somebody)).to_contain_text(told)
    assert actions(service, somebody) == ["proposed_by_moderator", "refused"]


def test_a_keyboard_is_enough(new_phone: NewPhone, service: Service, moderator: Somebody) -> None:
    first, second, third = candidates(service, moderator, ["Edwin", "George", "Harlow"])
    page = opened(new_phone(size=DESK), moderator)
    expect(card(page, third)).to_be_visible()
    keys = page.keyboard
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("confirm")
    keys.press("Escape")

    go_to(page, first)
    keys.press("Enter")
    expect(card(page, first).get_by_role("heading", name="Earlier entries")).to_be_visible()
    keys.press("c")
    expect(card(page, first)).to_contain_text("holds level 2")
    expect(card(page, second)).to_be_focused()
    keys.press("r")
    page.get_by_role("textbox", name="Why").fill("Not yet.")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    expect(card(page, second)).to_contain_text("was refused")
    expect(card(page, third)).to_be_focused()
    keys.press("x")
    expect(card(page, third).get_by_role("checkbox")).to_be_checked()
    keys.press("d")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Why").fill("More answers, please.")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")

    expect(card(page, third)).to_contain_text("put off until")
    assert [actions(service, each)[-1] for each in (first, second, third)] == ["confirmed", "refused", "deferred"]


def go_to(page: Page, somebody: Somebody) -> None:
    """Press J until a card has the focus."""
    there = card(page, somebody)
    for _ in range(50):
        page.keyboard.press("j")
        if there.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError("the card was not reached")


def test_the_ledger_tells_who_decided_what_and_on_which_evidence(
    phone: Phone, service: Service, moderator: Somebody
) -> None:
    [somebody] = candidates(service, moderator, ["Jocelyn"])
    decide(service, moderator, somebody.volunteer, "confirm", "Knows every bird.")
    page = opened(phone, moderator, "/ledger")
    entries = page.locator("main .entries > li")

    page.get_by_label("Volunteer").fill(somebody.volunteer)
    page.keyboard.press("Enter")
    expect(entries).to_have_count(2)
    page.get_by_role("combobox", name="What").select_option("confirmed")
    expect(entries).to_have_count(1)

    expect(entries.first).to_contain_text("Knows every bird.")
    expect(entries.first).to_contain_text(re.compile("Jocelyn.*level 2.*confirmed.*by .*Ada", re.DOTALL))
    entries.first.get_by_text("The evidence then").click()
    expect(entries.first.get_by_role("img").first).to_be_visible()


def test_a_note_and_a_report_are_kept_with_the_person(phone: Phone, service: Service, moderator: Somebody) -> None:
    somebody, reporter = candidates(service, moderator, ["Nancy", "Sandra"])
    report = {"about": somebody.volunteer, "kind": "spam", "body": "No wing was looked at."}
    post(service, reporter, f"/v1/projects/{GLADE}/reports", report)
    page = opened(phone, moderator, "/people")
    page.get_by_label("Name or id").fill(somebody.volunteer)
    page.get_by_role("link", name=re.compile("Nancy")).click()

    page.get_by_label("New note").fill("Knows wings.")
    page.get_by_role("button", name="Add the note").click()
    expect(page.get_by_role("listitem").filter(has_text="Knows wings.")).to_contain_text("Ada")
    expect(page.get_by_label("New note")).to_have_value("")
    page.get_by_role("link", name=re.compile("Reports")).click()
    line = page.locator("main .report").filter(has_text="No wing was looked at.")
    line.get_by_text("Close the report").first.click()
    line.get_by_role("button", name="Looked at: all is well.").click()
    line.get_by_role("button", name="Close the report").click()

    expect(line).to_contain_text(re.compile("Closed by .*Ada"))
    [(outcome,)] = service.rows("SELECT outcome FROM report WHERE body = 'No wing was looked at.'")
    assert outcome == "Looked at: all is well."


def test_a_level_can_be_granted_and_revoked_by_hand(phone: Phone, service: Service, moderator: Somebody) -> None:
    [somebody] = candidates(service, moderator, ["Chandra"])
    decide(service, moderator, somebody.volunteer, "refuse", "For the test.")
    page = opened(phone, moderator, f"/people/{somebody.volunteer}")
    for act, why, said in (("Grant", "", "holds level 2"), ("Revoke", "At their own wish.", "no longer holds level 2")):
        page.get_by_role("button", name="Decide about a level").click()
        form = page.get_by_role("dialog")
        form.get_by_role("combobox", name="What").select_option(act.lower())
        form.get_by_role("textbox").first.fill(why)
        form.get_by_role("button", name=act).click()
        expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()

    assert actions(service, somebody)[-2:] == ["granted", "revoked"]


def test_somebody_is_kept_out_and_let_in_again(phone: Phone, service: Service, moderator: Somebody) -> None:
    [somebody] = candidates(service, moderator, ["Mallory"])
    page = opened(phone, moderator, f"/people/{somebody.volunteer}")
    for act, why in (("Ban", "Insults in the reports."), ("Lift the ban", "They said sorry.")):
        page.get_by_role("button", name=act, exact=True).click()
        form = page.get_by_role("dialog")
        form.get_by_role("textbox").first.fill(why)
        form.get_by_role("button", name=act, exact=True).click()
        expect(form).to_have_count(0)
        if act == "Ban":
            wish = {"key": str(uuid.uuid4()), "size": 1, "width": 320}
            with pytest.raises(HTTPError, match="403"):
                post(service, somebody, f"/v1/workflows/{BIRD}/decks", wish)

    expect(page.get_by_text("They said sorry.")).to_be_visible()
    rows = service.rows("SELECT why, lifted_why FROM ban WHERE volunteer_id = $1", int(somebody.volunteer[1:]))
    assert rows == [("Insults in the reports.", "They said sorry.")]


def test_who_is_no_moderator_is_told_so_and_sees_nothing(new_phone: NewPhone, service: Service) -> None:
    stranger, elsewhere = new_phone(), new_phone()
    stranger.page.goto(f"/desk/{GLADE}/people")
    expect(stranger.page.get_by_role("heading", name="This page is for moderators")).to_be_visible()
    expect(stranger.page.get_by_role("link", name="Sign in")).to_have_attribute("href", "/account")
    elsewhere.begin(MEADOW, 1)
    elsewhere.page.goto(f"/desk/{GLADE}")
    expect(elsewhere.page.get_by_role("heading", name="This page is for moderators")).to_be_visible()
    ours = Somebody(str(next(row["token"] for row in elsewhere.kept("facts") if "token" in row)), "")
    with pytest.raises(HTTPError, match="403"):
        post(service, ours, f"/v1/projects/{GLADE}/promotions", {"decisions": []})


def test_the_project_page_leads_moderators_to_the_desk_and_asks_no_phone(
    new_phone: NewPhone, moderator: Somebody
) -> None:
    volunteers, desk = new_phone(), new_phone()
    asked: list[str] = []
    volunteers.page.on("request", lambda request: asked.append(request.url))
    volunteers.begin(MEADOW, 1)
    volunteers.page.goto(f"/p/{GLADE}")
    volunteers.page.wait_for_load_state("networkidle")
    assert not any("candidates" in url or "desk" in url for url in asked)

    sign_in(desk, moderator)
    desk.page.goto(f"/p/{GLADE}")
    desk.page.get_by_role("link", name="Desk").click()

    expect(desk.page.get_by_role("heading", name="Desk")).to_be_visible()


def test_the_desk_speaks_spanish_and_arabic(new_phone: NewPhone, moderator: Somebody) -> None:
    for locale, name, way in (("es-ES", "Mesa", "ltr"), ("ar-EG", "المكتب", "rtl")):
        page = opened(new_phone(locale=locale), moderator)
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        expect(page.locator("html")).to_have_attribute("dir", way)
