"""The phone client's pages over HTTP: each comes with what it shows first, and tells previews what it is about."""

import io
import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.contract.campaign import SLUG, SUBJECTS, Campaign
from tests.http.garden import problem

BLOCK = re.compile(r'<script type="application/json" id="replies">(.*?)</script>', re.DOTALL)
TITLE = "A garden of galaxies · Chaffinch"


@pytest.fixture
def client(campaign: Campaign) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=campaign.url) as client:
        yield client


def told(page: str, name: str) -> str | None:
    """Return what the page tells previews under a name."""
    found = re.search(rf'<meta property="{name}" content="([^"]*)" />', page)
    return None if found is None else unescape(found[1])


def replies(page: httpx2.Response) -> dict[str, Any]:
    """Return the replies that came with a page."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    blocks = BLOCK.findall(page.text)
    assert len(blocks) <= 1
    return json.loads(blocks[0]) if blocks else {}


DESK = f"/desk/{SLUG}"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/settings", "/settings/", "/join"),
        *(DESK, f"{DESK}/people", f"{DESK}/people/V7", f"{DESK}/ledger", f"{DESK}/reports"),
    ],
)
def test_a_page_about_nothing_in_particular_comes_as_it_was_built(client: httpx2.Client, path: str) -> None:
    page = client.get(path)

    assert (page.status_code, replies(page)) == (200, {})
    assert "<title>Chaffinch</title>" in page.text
    assert told(page.text, "og:title") is None
    assert "content-security-policy" in page.headers


@pytest.mark.parametrize(
    ("path", "policy"), [("/account", "no-referrer"), ("/account/", "no-referrer"), ("/", "same-origin")]
)
def test_nobody_is_told_the_address_to_which_a_login_comes_back(client: httpx2.Client, path: str, policy: str) -> None:
    assert client.get(path, params={"code": "x" * 43}).headers["referrer-policy"] == policy


@pytest.mark.parametrize("rest", ["", "/", "/3", "/guide", "/you"])
def test_a_page_of_a_project_comes_with_the_project(client: httpx2.Client, rest: str) -> None:
    page = client.get(f"/p/{SLUG}{rest}")

    address = f"/v1/projects/{SLUG}"
    assert (page.status_code, replies(page)) == (200, {address: client.get(address).json()})
    assert f"<title>{TITLE}</title>" in page.text
    assert (told(page.text, "og:title"), told(page.text, "og:type")) == (TITLE, "website")


def test_the_page_of_a_shared_subject_shows_it_in_previews(client: httpx2.Client) -> None:
    page = client.get("/s/S1")

    addresses = ("/v1/subjects/S1", f"/v1/projects/{SLUG}")
    assert (page.status_code, replies(page)) == (200, {each: client.get(each).json() for each in addresses})
    assert told(page.text, "og:title") == f"S1 · {TITLE}"
    picture = client.get(told(page.text, "og:image") or "")
    assert str(picture.url).startswith(str(client.base_url))
    with Image.open(io.BytesIO(picture.content)) as shown:
        assert shown.format == "WEBP"


def test_no_page_names_a_host_that_is_none(client: httpx2.Client) -> None:
    page = client.get("/s/S1", headers={"host": 'evil"><script>'})

    assert page.status_code in {200, 400}
    assert "evil" not in page.text


@pytest.mark.parametrize("path", ["/p/no-such-project", "/p/no-such-project/3", f"/s/S{SUBJECTS + 1000}"])
def test_what_is_not_there_is_said_by_a_page(client: httpx2.Client, path: str) -> None:
    page = client.get(path)

    assert (page.status_code, replies(page)) == (404, {})
    assert 'id="app"' in page.text


@pytest.mark.parametrize(
    "path",
    ["/p", "/p/", "/p/UPPER", "/p/a//b", f"/p/{SLUG}/0", f"/p/{SLUG}/other", "/s/1", "/s/S0", "/index.html", "//"],
)
def test_an_address_that_the_client_does_not_know_gets_a_problem(client: httpx2.Client, path: str) -> None:
    response = client.get(f"{client.base_url}{path}")

    assert response.status_code == 404
    assert problem(response)["type"] == "/problems/unknown-path"


@pytest.mark.parametrize("path", ["/", f"/p/{SLUG}", "/service-worker.js"])
def test_nothing_can_be_sent_to_a_page(client: httpx2.Client, path: str) -> None:
    response = client.post(path, json={})

    assert response.status_code == 404
    assert problem(response)["type"] == "/problems/unknown-path"


@pytest.mark.parametrize("path", ["/", f"/p/{SLUG}", "/assets/index-1a2b.js"])
def test_head_has_the_headers_of_the_page(client: httpx2.Client, path: str) -> None:
    same = {"x-request-id": "the-same-page"}
    got, head = client.get(path, headers=same), client.head(path, headers=same)

    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


def test_the_service_worker_is_looked_for_each_time(client: httpx2.Client) -> None:
    worker = client.get("/service-worker.js")
    again = client.get("/service-worker.js", headers={"if-none-match": worker.headers["etag"]})

    assert (worker.status_code, worker.headers["content-type"]) == (200, "text/javascript")
    assert (worker.headers["cache-control"], worker.headers["content-encoding"]) == ("no-cache", "gzip")
    assert (again.status_code, again.headers.get("content-length")) == (304, None)
