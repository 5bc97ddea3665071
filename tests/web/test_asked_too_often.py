"""A service that says it is asked too often is waited for, as long as it says, and no swipe is lost."""

import json
import time

from playwright.sync_api import Request, Route

from tests.web.meadow import MEADOW, Service
from tests.web.phone import Phone, until
from tests.web.test_offline import swipe_by_keys
from tests.web.test_swiping import BIRD

WAIT_SECONDS = 2


class Refusing:
    """Answers the first requests as the service does when it is asked too often, and lets the others through."""

    def __init__(self, times: int) -> None:
        self._times = times
        self.asked_at: list[float] = []

    def __call__(self, route: Route, _request: Request) -> None:
        self.asked_at.append(time.monotonic())
        if len(self.asked_at) > self._times:
            route.continue_()
            return
        problem = {"type": "/problems/too-many-requests", "title": "Too much is asked at once", "status": 429}
        headers = {"content-type": "application/problem+json", "retry-after": str(WAIT_SECONDS)}
        route.fulfill(status=429, headers=headers, body=json.dumps(problem))


def asked(phone: Phone, refusing: Refusing) -> int:
    """Return how often something was asked; routes are answered while the page is waited for."""
    phone.page.wait_for_timeout(100)
    return len(refusing.asked_at)


def test_swipes_wait_as_long_as_is_said_and_all_arrive(phone: Phone, service: Service) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    refusing = Refusing(times=2)
    phone.context.route("**/v1/classifications", refusing)

    given = swipe_by_keys(phone, 3)
    until(lambda: asked(phone, refusing) >= 3, 30)
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == given
    first, second, third = refusing.asked_at[:3]
    assert second - first >= WAIT_SECONDS - 0.1
    assert third - second >= WAIT_SECONDS - 0.1


def test_a_deck_that_is_refused_is_asked_for_again_under_the_same_key(phone: Phone) -> None:
    keys: list[str] = []
    refusing = Refusing(times=1)

    def remember(route: Route, request: Request) -> None:
        keys.append(json.loads(request.post_data or "{}")["key"])
        refusing(route, request)

    phone.context.route("**/decks", remember)

    phone.begin(MEADOW, BIRD[MEADOW])

    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert refusing.asked_at[1] - refusing.asked_at[0] >= WAIT_SECONDS - 0.1
