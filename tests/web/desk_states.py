"""The pages of the desk in every state that moderators meet, opened as they would."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import expect

from tests.web.desk import Somebody, a_moderator, candidates, decide, post, sign_in
from tests.web.meadow import GLADE, Service
from tests.web.phone import Phone


@dataclass(frozen=True)
class LaidOut:
    """A moderator, and somebody of whom there is something to see."""

    moderator: Somebody
    somebody: Somebody


def lay_out(service: Service) -> LaidOut:
    """Let there be candidates, entries, notes and reports."""
    moderator = a_moderator(service, "Ada")
    somebody, other, refused = candidates(service, moderator, ["Maria Mitchell", "ليلى", "Caroline"])
    report = {"about": somebody.volunteer, "kind": "spam", "body": "Answers without looking."}
    post(service, other, f"/v1/projects/{GLADE}/reports", report)
    post(service, moderator, f"/v1/projects/{GLADE}/people/{somebody.volunteer}/notes", {"body": "Knows wings."})
    decide(service, moderator, refused.volunteer, "refuse", "Please take part a little longer.")
    return LaidOut(moderator, somebody)


def desk_queue(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out)
    card = phone.page.locator(f"article[data-volunteer={laid_out.somebody.volunteer}]")
    card.get_by_role("button", name="Examples").click()
    expect(card.locator(".opened img").first).to_be_attached()
    card.get_by_role("checkbox").click()


def desk_decision(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out)
    phone.page.locator("article").first.get_by_role("button", name="More").click()
    expect(phone.page.get_by_role("dialog")).to_be_visible()


def desk_deferral(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out)
    phone.page.locator("article").first.get_by_role("button", name="Defer").click()
    expect(phone.page.get_by_role("dialog")).to_be_visible()


def desk_keys(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out)
    phone.page.locator("article").first.wait_for()
    phone.page.keyboard.press("?")
    expect(phone.page.get_by_role("dialog")).to_be_visible()


def desk_people(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out, "/people")
    expect(phone.page.locator("main tbody tr").first).to_be_visible()


def desk_person(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out, f"/people/{laid_out.somebody.volunteer}")
    expect(phone.page.get_by_text("Knows wings.")).to_be_visible()
    phone.page.locator("main summary").first.click()


def desk_ban(phone: Phone, laid_out: LaidOut) -> None:
    desk_person(phone, laid_out)
    phone.page.get_by_role("button", name="Ban").click()
    expect(phone.page.get_by_role("dialog")).to_be_visible()


def desk_ledger(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out, "/ledger")
    phone.page.locator("main summary").first.click()


def desk_reports(phone: Phone, laid_out: LaidOut) -> None:
    _open(phone, laid_out, "/reports")
    phone.page.locator("main summary").first.click()


def desk_closed(phone: Phone, laid_out: LaidOut) -> None:
    del laid_out
    phone.page.goto(f"/desk/{GLADE}")
    expect(phone.page.get_by_role("link", name="Sign in")).to_be_visible()


def _open(phone: Phone, laid_out: LaidOut, path: str = "") -> None:
    sign_in(phone, laid_out.moderator)
    phone.page.goto(f"/desk/{GLADE}{path}")


DESK_STATES: Final[dict[str, Callable[[Phone, LaidOut], None]]] = {
    each.__name__: each
    for each in (
        desk_queue, desk_decision, desk_deferral, desk_keys, desk_people, desk_person, desk_ban, desk_ledger,
        desk_reports, desk_closed,
    )
}  # fmt: skip
