"""Objects by key: in a folder, and in an object store that speaks S3, with the same behaviour."""

import logging
import os
import pickle
import resource
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from api.errors import StorageError
from api.media.folder import FolderStorage
from api.media.images import PreparedImage, key, record_key
from api.media.pool import ImagePool
from api.media.storage import Place, Storage, Stored, WrongMediaUrlError, open_storage, place_of
from api.media.wanted import plain
from api.services.pictures import Pictures
from api.settings import Settings
from tests.media.drawings import a_file, a_picture, encoded

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # moto, and botocore below it, are not ours to mend
    from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Give the address of a loopback server that speaks S3, with a bucket; the environment names it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    variables = {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"AWS_{name}", value)
        httpx2.put(f"{address}/bucket").raise_for_status()
        yield address
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return Place(folder=tmp_path / "root").open()
    request.getfixturevalue("endpoint")
    return Place(url=f"s3://bucket/{tmp_path.name}").open()


def test_what_was_put_is_there_until_it_is_deleted(storage: Storage) -> None:
    storage.put("media/abc/one.webp", b"one", "image/webp")
    storage.put("media/abc/one.webp", b"other")
    storage.put("uploads/7/part", b"", sync=False)
    storage.flush()

    assert storage.get("media/abc/one.webp") == b"other"
    assert storage.head("media/abc/one.webp") == Stored("media/abc/one.webp", 5)
    assert storage.get("uploads/7/part") == b""
    assert sorted(storage.list("media"), key=str) == [Stored("media/abc/one.webp", 5)]
    storage.delete("media/abc/one.webp")
    storage.delete("media/abc/one.webp")
    assert list(storage.list("media")) == []


def test_what_is_absent_is_none(storage: Storage, tmp_path: Path) -> None:
    key = "ledger/2026-01.parquet"

    assert (storage.get(key), storage.head(key), storage.get_range(key, 0, 5)) == (None, None, None)
    assert list(storage.list("ledger/2026")) == []
    assert storage.fetch(key, tmp_path / "file") is False


def test_ranges_end_where_the_object_ends(storage: Storage) -> None:
    storage.put("media/digits", b"0123456789")

    assert [storage.get_range("media/digits", start, 4) for start in (0, 3, 8, 10, 99)] == [
        b"0123", b"3456", b"89", b"", b"",
    ]  # fmt: skip


async def test_a_large_file_goes_in_and_comes_out_in_pieces(storage: Storage, tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(9_000_001))

    await storage.put_file_async("uploads/large", source)

    assert await storage.fetch_async("uploads/large", copy)
    assert copy.read_bytes() == source.read_bytes()
    assert b"".join([part async for part in storage.stream("uploads/large")]) == source.read_bytes()


@pytest.mark.parametrize(
    "key", ["media", "postgres/base", "media/../x", "media//x", "/media/x", "media/.part/1", "media/x\n"]
)
def test_only_keys_below_an_area_are_taken(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        storage.get(key)


def test_a_store_that_is_away_is_said_to_be_and_the_client_is_not_told_where(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(StorageError) as caught:
        Place(url="s3://bucket/away").open().get("media/x")

    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.place, again.reason) == ("s3://bucket/away", caught.value.reason)
    assert "127.0.0.1:9" in again.reason
    assert "127.0.0.1" not in str(again)
    assert endpoint


def test_a_bucket_that_is_not_there_is_trouble(endpoint: str) -> None:
    with pytest.raises(StorageError, match="does not answer"):
        Place(url="s3://none").open().put("media/x", b"")
    assert endpoint


@pytest.mark.parametrize("url", ["bucket", "ftp://host/path", "https://host/path", "memory:///", "s3://"])
def test_an_address_that_is_none_of_a_store_is_refused_at_once(url: str, tmp_path: Path) -> None:
    with pytest.raises(WrongMediaUrlError, match="CHAFFINCH_MEDIA_URL is"):
        open_storage(Settings(media_url=url, data_dir=tmp_path))


def test_a_folder_can_be_named_by_url_too(tmp_path: Path) -> None:
    assert place_of(Settings(media_url=f"file://{tmp_path}")) == Place(folder=tmp_path)
    assert place_of(Settings(data_dir=tmp_path)) == Place(folder=tmp_path)


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError) as caught:
            FolderStorage(tmp_path).put("media/x", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert caught.value.reason == "File too large"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_is_replaced_at_one_stroke(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.put("media/x", b"old")

    with (tmp_path / "media" / "x").open("rb") as being_served:
        storage.put("media/x", b"newer")

        assert being_served.read() == b"old"
    assert storage.get("media/x") == b"newer"


def test_what_a_killed_process_left_is_swept_away_in_time(tmp_path: Path) -> None:
    unfinished = tmp_path / "media" / ".part"
    unfinished.mkdir(parents=True)
    old, young = unfinished / "1-1", unfinished / "2-2"
    old.touch()
    young.touch()
    os.utime(old, (time.time() - 90_000,) * 2)

    FolderStorage(tmp_path).sweep()

    assert list(unfinished.iterdir()) == [young]
    assert list(FolderStorage(tmp_path).list("media")) == []


async def test_pictures_are_prepared_into_an_object_store_and_found_there(endpoint: str, tmp_path: Path) -> None:
    place = Place(url=f"s3://bucket/{tmp_path.name}")
    sources = [a_file(tmp_path, f"{seed}.png", encoded(a_picture(400, 300, seed), "PNG")) for seed in range(12)]
    groups = [(source.name, [plain(source)]) for source in sources]

    async with ImagePool(place, processes=2) as pool:
        first = [outcomes[0] async for _, outcomes in pool.prepare(groups)]
        await pool.flush()
        second = [outcomes[0] async for _, outcomes in pool.prepare(groups)]

    images = [image for image in first if isinstance(image, PreparedImage)]
    assert second == images
    assert len(images) == len(sources)
    served = await Pictures(place.open()).read(images[0].digest, 320, avif=True)
    assert (served.media_type, len(served.content)) == ("image/webp", images[0].variants[0].size_bytes)
    assert {stored.key for stored in place.open().list("media")} == {
        name for image in images for name in (key(image.digest, 320), key(image.digest, 400), record_key(image.digest))
    }
    assert endpoint


async def test_a_store_that_goes_away_ends_the_run(endpoint: str, tmp_path: Path) -> None:
    async with ImagePool(Place(url="s3://none/at/all"), processes=1) as pool:
        with pytest.raises(StorageError):
            assert [group async for group in pool.prepare([("", [plain(a_file(tmp_path))])])] == []
    assert endpoint
