"""What the service worker does when no page of ours is looking: it sends, it tells, and it waits with a new version."""

from typing import Any

from playwright.sync_api import CDPSession, expect

from tests.web.line import Line
from tests.web.meadow import MEADOW, POND, Service
from tests.web.phone import Phone, until
from tests.web.test_swiping import BIRD

SUBSCRIBED = """
PushManager.prototype.getSubscription = async () => null;
PushManager.prototype.subscribe = async () => ({
    toJSON: () => ({
        endpoint: "https://push.example.org/send/1",
        keys: { p256dh: POINT, auth: "AAAAAAAAAAAAAAAAAAAAAA" },
    }),
});
"""
"""A browser that has a push service: none can be reached from here. What our side makes of it is real."""


def registration_of(phone: Phone) -> tuple[CDPSession, str]:
    """Return the id by which the browser knows our worker, and a session to ask it."""
    found: list[str] = []
    session = phone.context.new_cdp_session(phone.page)

    def hear(told: dict[str, Any]) -> None:
        found.extend(each["registrationId"] for each in told["registrations"])

    session.on("ServiceWorker.workerRegistrationUpdated", hear)
    session.send("ServiceWorker.enable")
    until(lambda: bool(phone.page.evaluate("1")) and bool(found))
    return session, found[0]


def test_swipes_are_sent_by_the_browser_when_their_page_is_gone(phone: Phone, line: Line, service: Service) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    phone.worker_is_ready()
    volunteer, shown = phone.volunteer(), phone.subject()
    line.mode = "down"
    page.keyboard.press("ArrowRight")
    phone.wait_for_card(other_than=shown)
    idle = phone.open_page()
    page.close()
    assert service.votes(volunteer) == []

    line.mode = "open"
    idle.goto("/health")
    session, registration = registration_of(phone)
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {"origin": line.url, "registrationId": registration, "tag": "swipes", "lastChance": False},
    )

    until(lambda: service.votes(volunteer) == [(shown, "yes")])


def test_who_runs_dry_may_ask_to_be_told_and_is_told(phone: Phone, service: Service) -> None:
    phone.context.grant_permissions(["notifications"])
    point = str(phone.context.request.get("/v1/push").json()["public_key"])
    phone.page.add_init_script(SUBSCRIBED.replace("POINT", f'"{point}"'))
    page = phone.begin(POND, BIRD[POND])
    phone.worker_is_ready()
    last = ""
    for _ in range(3):
        last = phone.wait_for_card(other_than=last)
        page.keyboard.press("ArrowLeft")

    page.get_by_role("button", name="Tell me when there is more").click()

    expect(page.get_by_text("You will be told.")).to_be_visible()
    whose = int(phone.volunteer()[1:])
    assert service.rows("SELECT language FROM push_subscription WHERE volunteer_id = $1", whose) == [("en",)]
    wishes = "SELECT w.workflow_id FROM push_wish w JOIN volunteer v USING (person_id) WHERE v.id = $1"
    assert service.rows(wishes, whose) == [(BIRD[POND],)]

    session, registration = registration_of(phone)
    message = '{"kind": "more", "title": "Birds", "body": "There is more.", "url": "/p/pond", "tag": "more"}'
    origin = page.evaluate("location.origin")
    session.send(
        "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": registration, "data": message}
    )
    shown = """navigator.serviceWorker.ready.then((worker) => worker.getNotifications())
        .then((all) => all.map((each) => [each.title, each.body, each.data.url]))"""
    until(lambda: page.evaluate(shown) == [["Birds", "There is more.", "/p/pond"]])


def test_a_new_version_waits_until_it_is_asked_for(phone: Phone, line: Line) -> None:
    page = phone.begin(MEADOW, BIRD[MEADOW])
    phone.worker_is_ready()
    shown = phone.subject()
    old = phone.context.request.get("/service-worker.js").text()
    line.scripts["/service-worker.js"] = f"{old}\n// another edition"

    page.evaluate("navigator.serviceWorker.ready.then((worker) => worker.update())")
    expect(page.get_by_text("A new version is ready.")).to_be_visible()
    assert phone.subject() == shown
    page.get_by_role("button", name="Reload").click()

    phone.wait_for_card()
    expect(page.get_by_text("A new version is ready.")).not_to_be_visible()
