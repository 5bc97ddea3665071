"""Videos over HTTP: whole and in parts, kept for ever, and never in memory as a whole."""

import random
from collections.abc import Iterator
from hashlib import sha256

import httpx2
import pytest

from api.media.images import video_key
from api.media.video import MP4
from tests.contract.campaign import Campaign

CONTENT = random.Random(3).randbytes(1_300_000)
SIZE = len(CONTENT)
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
def client(campaign: Campaign) -> Iterator[httpx2.Client]:
    campaign.storage.put(video_key(DIGEST, MP4) or "", CONTENT, MP4)
    with httpx2.Client(base_url=campaign.url) as client:
        yield client


def test_a_video_is_sent_whole_and_kept_for_ever(client: httpx2.Client) -> None:
    whole = client.get(f"/media/{DIGEST}/video.mp4")

    assert (whole.status_code, whole.content == CONTENT) == (200, True)
    told = {
        "content-type": "video/mp4",
        "content-length": str(SIZE),
        "accept-ranges": "bytes",
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
    }
    assert told.items() <= whole.headers.items()
    known = client.get(f"/media/{DIGEST}/video.mp4", headers={"if-none-match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=0-", 0, SIZE),
        ("bytes=100000-1099999", 100_000, 1_100_000),
        ("bytes=-7", SIZE - 7, SIZE),
    ],
)
def test_a_part_of_a_video_is_sent(client: httpx2.Client, asked: str, start: int, end: int) -> None:
    part = client.get(f"/media/{DIGEST}/video.mp4", headers={"range": asked})

    assert (part.status_code, part.content == CONTENT[start:end]) == (206, True)
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert part.headers["content-length"] == str(end - start)


def test_a_part_of_a_changed_video_is_not_sent(client: httpx2.Client) -> None:
    address, tag = f"/media/{DIGEST}/video.mp4", client.head(f"/media/{DIGEST}/video.mp4").headers["etag"]

    assert client.get(address, headers={"range": "bytes=0-1", "if-range": tag}).status_code == 206
    assert client.get(address, headers={"range": "bytes=0-1", "if-range": '"other"'}).status_code == 200


def test_a_part_behind_the_end_is_refused(client: httpx2.Client) -> None:
    refused = client.get(f"/media/{DIGEST}/video.mp4", headers={"range": f"bytes={SIZE}-"})

    assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert refused.json()["type"] == "/problems/no-such-range"


def test_head_tells_of_the_whole_whatever_part_is_asked_for(client: httpx2.Client) -> None:
    told = client.head(f"/media/{DIGEST}/video.mp4", headers={"range": "bytes=0-1"})

    assert (told.status_code, told.headers["content-length"], told.content) == (200, str(SIZE), b"")


def test_a_video_has_one_kind_and_a_picture_is_none(client: httpx2.Client) -> None:
    picture = client.get("/v1/subjects/S3").json()["locations"][0]

    assert picture["video"] is None
    assert client.get(f"/media/{DIGEST}/video.webm").json()["type"] == "/problems/unknown-video"
    assert client.get(picture["url"].rpartition("/")[0] + "/video.mp4").status_code == 404
