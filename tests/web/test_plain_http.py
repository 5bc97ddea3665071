"""Over plain HTTP browsers give a page neither service worker nor Web Locks: it swipes without them."""

from tests.web.conftest import NewPhone
from tests.web.line import Line
from tests.web.meadow import MEADOW, Service

ORIGIN = "http://finches.test"
"""An origin that a browser does not trust as it trusts localhost; the line stands in for its name server."""


def test_a_page_over_plain_http_swipes_and_sends(new_phone: NewPhone, service: Service, line: Line) -> None:
    phone = new_phone(proxy={"server": line.url})
    page = phone.page
    page.add_init_script(f"localStorage.setItem('chaffinch introduced {MEADOW}', 'yes')")
    page.goto(f"{ORIGIN}/p/{MEADOW}/1")
    assert page.evaluate("[isSecureContext, 'locks' in navigator, 'serviceWorker' in navigator]") == [False] * 3

    first = phone.wait_for_card()
    phone.swipe("right")
    second = phone.wait_for_card(other_than=first)
    page.reload()
    assert phone.wait_for_card() == second
    phone.swipe("left")
    phone.wait_for_card(other_than=second)
    phone.wait_until_sent()

    assert service.votes(phone.volunteer()) == [(first, "yes"), (second, "no")]
