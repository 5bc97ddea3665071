"""Pictures over HTTP: in the best format that the client names, and kept for ever."""

import io
from collections.abc import Iterator

import httpx2
import pytest
from PIL import Image

from api.media.images import key
from tests.contract.campaign import Campaign

AVIF = "image/avif"
CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.fixture
def client(campaign: Campaign) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=campaign.url, headers={"accept": "*/*"}) as client:
        yield client


@pytest.fixture
def address(campaign: Campaign, client: httpx2.Client) -> str:
    """Give the address of a picture that has AVIF too."""
    url: str = client.get("/v1/subjects/S3").json()["locations"][0]["url"]
    digest, width = url.removeprefix("/media/").split("/")
    buffer = io.BytesIO()
    Image.open(io.BytesIO(client.get(url).content)).save(buffer, "AVIF", quality=20)
    campaign.storage.put(key(digest, int(width), "avif") or "", buffer.getvalue())
    return url


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (CHROME, "avif"),
        ("image/webp, IMAGE/AVIF", "avif"),
        ("image/avif;q=0.5, image/webp;q=0.4", "avif"),
        ("image/avif;q=0.4, image/webp;q=0.5", "webp"),
        ("image/avif;q=0", "webp"),
        ("image/avif;q=nonsense", "webp"),
        ("image/*", "webp"),
        ("text/html", "webp"),
        ("", "webp"),
    ],
)
def test_avif_is_for_those_who_name_it(client: httpx2.Client, address: str, accept: str, kind: str) -> None:
    response = client.get(address, headers={"accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, f"image/{kind}")
    assert response.headers["vary"] == "Accept"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["etag"].endswith(f'.{kind}"')
    with Image.open(io.BytesIO(response.content)) as picture:
        assert (picture.format or "").lower() == kind


def test_who_has_a_picture_in_one_format_is_sent_the_other(client: httpx2.Client, address: str) -> None:
    webp = client.get(address).headers["etag"]
    avif = client.get(address, headers={"accept": AVIF}).headers["etag"]

    assert client.get(address, headers={"if-none-match": f'"other", W/{webp}'}).status_code == 304
    assert client.get(address, headers={"if-none-match": webp, "accept": AVIF}).status_code == 200
    same = client.get(address, headers={"if-none-match": avif, "accept": AVIF})
    assert (same.status_code, same.content, same.headers["vary"]) == (304, b"", "Accept")


def test_each_format_has_an_address_of_its_own(client: httpx2.Client, address: str) -> None:
    webp, avif = client.get(f"{address}.webp", headers={"accept": AVIF}), client.get(f"{address}.avif")

    assert (webp.headers["content-type"], avif.headers["content-type"]) == ("image/webp", AVIF)
    assert "vary" not in webp.headers
    assert client.head(f"{address}.avif").headers["content-length"] == str(len(avif.content))


def test_a_picture_without_avif_is_sent_as_webp(client: httpx2.Client) -> None:
    address = client.get("/v1/subjects/S4").json()["locations"][0]["url"]

    assert client.get(address, headers={"accept": AVIF}).headers["content-type"] == "image/webp"
    assert client.get(f"{address}.avif").json()["type"].endswith("unknown-media")
