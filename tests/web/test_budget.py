"""What a new phone has to fetch before it shows its first card, and how large the whole client is."""

import gzip
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.web.conftest import NewPhone
from tests.web.meadow import LESSON
from tests.web.phone import until

CLIENT: Final = Path(__file__).parents[2] / "api" / "client"
OTHER_LANGUAGES: Final = ("ar", "es")
DESK: Final = "desk-"
"""How the files of the moderators' desk begin."""

MOST_REQUESTS: Final = 5
MOST_BYTES: Final = 250_000
MOST_CODE_BYTES: Final = 60_000
MOST_WORKER_BYTES: Final = 6_000
MOST_PAGES_BYTES: Final = 66_000
MOST_APART_BYTES: Final = {"account": 6_000, "join": 3_000}
"""Scripts of pages that few open, and seldom."""

MOST_DESK_BYTES: Final = 30_000
FOR_VOLUNTEERS: Final = ("index", "pages", "levels", "rolldown-runtime")
"""Scripts of the pages for swiping and all around it."""

LARGE_PICTURE_BYTES: Final = 150_000
"""Of a photograph at the width that a phone asks for; those of these tests are drawn, and small."""

WATCH: Final = """
// Note when the picture of the card on top has been decoded, before the client is told.
const decode = HTMLImageElement.prototype.decode;
HTMLImageElement.prototype.decode = function () {
    const decoded = decode.call(this);
    decoded.then(() => {
        const top = this.closest("article.card:not([inert])");
        if (top) window.firstPicture ??= { url: this.currentSrc, at: performance.now() };
    }, () => undefined);
    return decoded;
};
"""
BEGUN: Final = """() => [
    performance.getEntriesByType("navigation")[0].name,
    ...performance
        .getEntriesByType("resource")
        .filter((each) => each.startTime <= firstPicture.at)
        .map((each) => each.name),
]"""

KEPT: Final = """() => caches.keys()
    .then((names) => Promise.all(names.map((name) => caches.open(name).then((cache) => cache.keys()))))
    .then((found) => found.flat().map((request) => request.url))"""
"""What the service worker has kept."""

PICTURES: Final = "() => performance.getEntriesByType('resource').filter((each) => each.name.includes('/media/'))"


@dataclass
class Wire:
    """What a page has fetched: the bytes of each request on the wire, headers included, by address."""

    urls: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)

    def watch(self, page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._begun)
        session.on("Network.loadingFinished", self._done)
        session.send("Network.enable")

    def _begun(self, event: dict[str, Any]) -> None:
        self.urls[event["requestId"]] = event["request"]["url"]

    def _done(self, event: dict[str, Any]) -> None:
        self.sizes[self.urls[event["requestId"]]] = event["encodedDataLength"]


@pytest.mark.parametrize("introduced", [True, False])
def test_the_first_card_costs_five_requests_and_a_quarter_of_a_megabyte_at_most(
    new_phone: NewPhone, introduced: bool
) -> None:
    phone, wire = new_phone(), Wire()
    wire.watch(phone.page)
    phone.page.add_init_script(WATCH)
    if introduced:
        phone.page.add_init_script(f"localStorage.setItem('chaffinch introduced {LESSON}', 'yes')")

    phone.page.goto(f"/p/{LESSON}/3")
    until(lambda: phone.page.evaluate("Boolean(window.firstPicture)"))
    begun: list[str] = phone.page.evaluate(BEGUN)
    picture: str = phone.page.evaluate("firstPicture.url")

    until(lambda: all(url in wire.sizes for url in begun))
    total = sum(wire.sizes[url] for url in begun)
    with_large_picture = total - wire.sizes[picture] + LARGE_PICTURE_BYTES
    assert len(begun) <= MOST_REQUESTS, begun
    assert max(total, with_large_picture) <= MOST_BYTES


def test_the_pictures_of_other_cards_come_after_the_first(new_phone: NewPhone) -> None:
    phone = new_phone()
    phone.page.add_init_script(WATCH)

    phone.begin(LESSON, 3)
    begun: list[str] = phone.page.evaluate(BEGUN)
    until(lambda: len(phone.page.evaluate(PICTURES)) > 3)

    assert [url for url in begun if "/media/" in url] == [phone.page.evaluate("firstPicture.url")]


def test_the_first_card_needs_sixty_kilobytes_of_code_at_most() -> None:
    page = (CLIENT / "index.html").read_text()
    scripts = re.findall(r'<script[^>]*src="/([^"]+)"', page)

    size = packed(page.encode()) + sum(packed((CLIENT / path).read_bytes()) for path in scripts)

    assert scripts != []
    assert size <= MOST_CODE_BYTES


def test_all_pages_of_volunteers_in_one_language_need_sixty_six_kilobytes_of_code_at_most() -> None:
    """What few open and seldom is left out: the account, invitations, the desk. The service worker is no page's."""
    size = packed((CLIENT / "index.html").read_bytes()) + sum(
        packed(path.read_bytes()) for path in scripts() if kind(path) in FOR_VOLUNTEERS
    )

    assert size <= MOST_PAGES_BYTES
    assert packed((CLIENT / "service-worker.js").read_bytes()) <= MOST_WORKER_BYTES


def test_every_script_is_accounted_for() -> None:
    """Words in other languages are named as the client's own are: there are those of the account and of levels too."""
    kinds = Counter(kind(path) for path in scripts() if not path.name.startswith(DESK))

    others = dict.fromkeys(OTHER_LANGUAGES, 3)
    assert kinds == {**dict.fromkeys(FOR_VOLUNTEERS, 1), **others, **dict.fromkeys(MOST_APART_BYTES, 1)}
    for name, most in MOST_APART_BYTES.items():
        assert sum(packed(path.read_bytes()) for path in scripts() if kind(path) == name) <= most


def scripts() -> list[Path]:
    return list((CLIENT / "assets").rglob("*.js"))


def kind(script: Path) -> str:
    """Return the name that a script was built under, without its hash."""
    return script.name[: -len("-12345678.js")]


def test_the_desk_needs_thirty_kilobytes_of_code_of_its_own_at_most() -> None:
    scripts = list((CLIENT / "assets").glob(f"{DESK}*.js"))
    others = [path for path in scripts if path.name.startswith(tuple(f"{DESK}{code}-" for code in OTHER_LANGUAGES))]

    size = sum(packed(path.read_bytes()) for path in scripts if path not in others)

    assert len(others) == len(OTHER_LANGUAGES)
    assert len(scripts) > len(others)
    assert size <= MOST_DESK_BYTES


def test_nobody_but_moderators_fetches_the_desk(new_phone: NewPhone) -> None:
    phone = new_phone()
    phone.begin(LESSON, 3)
    phone.worker_is_ready()
    phone.page.goto(f"/p/{LESSON}")
    phone.page.get_by_role("heading", level=1).wait_for()

    fetched = phone.page.evaluate(KEPT)
    fetched += phone.page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")

    assert any("/assets/pages-" in url for url in fetched)
    assert not any(f"/assets/{DESK}" in url for url in fetched)


def packed(content: bytes) -> int:
    """Return how many bytes are sent."""
    return len(gzip.compress(content, 9, mtime=0))
