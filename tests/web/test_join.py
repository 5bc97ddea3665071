"""A link that invites: opened on a phone, it leads into the project, and its secret does not stay in the address."""

from hashlib import sha256

from playwright.sync_api import expect

from tests.web.meadow import MEADOW, Service
from tests.web.phone import Phone
from tests.web.test_swiping import BIRD

SECRET = "chi_" + "s" * 43


def invite(service: Service) -> None:
    service.rows(
        "INSERT INTO invitation (sha256, project_id, role, expires_at)"
        " SELECT $1, id, 'moderator', now() + interval '1 h' FROM project WHERE slug = $2 RETURNING 1",
        sha256(SECRET.encode()).digest(),
        MEADOW,
    )


def test_a_link_asks_for_a_login_and_then_lets_in(phone: Phone, service: Service) -> None:
    invite(service)
    phone.begin(MEADOW, BIRD[MEADOW])
    number = int(phone.volunteer()[1:])

    phone.page.goto(f"/join#{SECRET}")
    phone.page.get_by_role("button", name="Join").click()
    expect(phone.page.get_by_role("alert")).to_contain_text("Log in first")
    assert SECRET not in phone.page.url

    # What a login does: the phone's token is a session from now on.
    service.rows("UPDATE token SET scope = 'session' WHERE volunteer_id = $1 RETURNING 1", number)
    phone.page.goto("/join")
    phone.page.get_by_role("button", name="Join").click()
    expect(phone.page.get_by_text("You have joined Birds of the meadow.")).to_be_visible()

    joined = service.rows(
        "SELECT m.role FROM member m JOIN volunteer v ON v.person_id = m.person_id WHERE v.id = $1", number
    )
    assert joined == [("moderator",)]


def test_a_link_that_is_not_open_says_so(phone: Phone) -> None:
    phone.page.goto("/join")

    expect(phone.page.get_by_role("alert")).to_contain_text("no longer open")
