"""What a prepared image is, and that it is there whole or not at all."""

import hashlib
import io
import multiprocessing
from pathlib import Path

import blurhash
import pytest
from PIL import Image

from api.errors import StorageError
from api.media.folder import FolderStorage
from api.media.images import PreparedImage, digest_of, key, prepare, record_key
from api.media.variants import Variant, sizes
from api.media.wanted import Cutout, Wanted
from tests.media.drawings import BLUE, RED, a_file, a_picture, encoded, turned


def written(storage: FolderStorage) -> dict[str, bytes]:
    return {stored.key: storage.get(stored.key) or b"" for stored in storage.list("media")}


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "root")


def widths(image: PreparedImage) -> list[int]:
    return [variant.width for variant in image.variants]


def test_an_image_is_served_as_webp_under_the_digest_of_its_original(tmp_path: Path, storage: FolderStorage) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(700, 350), "JPEG"))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()

    image = prepare(source, storage)

    assert (image.digest, image.mime, image.width, image.height) == (digest, "image/jpeg", 700, 350)
    assert [(variant.width, variant.height) for variant in image.variants] == [(320, 160), (640, 320), (700, 350)]
    for variant in image.variants:
        content = storage.get(f"media/{digest[:3]}/{digest}-{variant.width}.webp") or b""
        assert len(content) == variant.size_bytes
        with Image.open(io.BytesIO(content)) as served:
            assert (served.format, served.size) == ("WEBP", (variant.width, variant.height))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1, 1, [(1, 1)]),
        (256, 256, [(256, 256)]),
        (320, 100, [(320, 100)]),
        (321, 100, [(320, 100), (321, 100)]),
        (1600, 900, [(320, 180), (640, 360), (1080, 608), (1600, 900)]),
        (4000, 3000, [(320, 240), (640, 480), (1080, 810), (1600, 1200)]),
        (16_000, 2, [(320, 1), (640, 1), (1080, 1), (1600, 1)]),
        (1000, 30_000, [(320, 9600)]),
        (100, 17_000, []),
    ],
)
def test_no_variant_is_scaled_up_or_taller_than_webp_allows(
    width: int, height: int, expected: list[tuple[int, int]]
) -> None:
    assert sizes(width, height) == tuple(expected)


def test_an_image_keeps_its_looks_at_every_width(tmp_path: Path, storage: FolderStorage) -> None:
    picture = Image.new("RGB", (2000, 1000), RED)
    picture.paste(BLUE, (1000, 0, 2000, 1000))

    image = prepare(a_file(tmp_path, content=encoded(picture, "PNG")), storage)

    assert widths(image) == [320, 640, 1080, 1600]
    for width in widths(image):
        with Image.open(io.BytesIO(storage.get(key(image.digest, width) or "") or b"")) as served:
            left, right = served.getpixel((width // 4, 9)), served.getpixel((width * 3 // 4, 9))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[0] > 240
        assert right[2] > 240


def test_nothing_of_the_originals_metadata_is_served(tmp_path: Path, storage: FolderStorage) -> None:
    metadata = Image.Exif()
    metadata[0x010F] = "camera with a GPS"
    source = a_file(tmp_path, content=encoded(a_picture(), "JPEG", exif=metadata, comment=b"my garden"))

    prepare(source, storage)

    for content in (content for name, content in written(storage).items() if name.endswith("webp")):
        with Image.open(io.BytesIO(content)) as served:
            assert set(served.info) <= {"background", "loop", "timestamp", "duration"}


def test_the_blurhash_looks_like_the_image_and_lies_as_it_does(tmp_path: Path, storage: FolderStorage) -> None:
    picture = Image.new("RGB", (300, 200), RED)
    picture.paste(BLUE, (150, 0, 300, 200))

    flat = prepare(a_file(tmp_path, content=encoded(picture, "PNG")), storage).blurhash
    tall = prepare(a_file(tmp_path, content=turned(picture, "PNG", orientation=6)), storage).blurhash

    painted = blurhash.decode(flat, 30, 20)
    assert (painted.getpixel((2, 10))[0], painted.getpixel((27, 10))[2]) > (200, 200)
    assert len(flat) == len(tall) == 28
    assert flat != tall


def test_the_same_file_gives_the_same_bytes(tmp_path: Path, storage: FolderStorage) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(1200, 900), "JPEG"))

    prepare(source, storage)
    prepare(source, FolderStorage(tmp_path / "other"))

    assert written(storage) == written(FolderStorage(tmp_path / "other"))


def test_a_second_run_finds_the_image_done_and_writes_nothing(tmp_path: Path, storage: FolderStorage) -> None:
    source = a_file(tmp_path)
    first = prepare(source, storage)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "root").rglob("*")}

    second = prepare(source, storage)

    assert second == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "root").rglob("*")} == times


@pytest.mark.parametrize("broken", ["-320.webp", ".json"])
@pytest.mark.parametrize("how", ["removed", "cut short", "emptied", "zeroed"])
def test_a_file_that_got_lost_is_made_again(tmp_path: Path, broken: str, how: str, storage: FolderStorage) -> None:
    source = a_file(tmp_path)
    image = prepare(source, storage)
    whole = written(storage)
    path = tmp_path / "root" / record_key(image.digest).replace(".json", broken)
    content = path.read_bytes()
    path.unlink()
    if how != "removed":
        path.write_bytes({"cut short": content[:-1], "emptied": b"", "zeroed": bytes(len(content))}[how])

    assert prepare(source, storage) == image
    assert written(storage) == whole


@pytest.mark.parametrize("record", [b"[]", b"null", b'{"recipe": 2}', b"\xff", b'{"recipe": 0, "crc32": {}}'])
def test_a_record_that_is_not_ours_is_written_again(tmp_path: Path, record: bytes, storage: FolderStorage) -> None:
    source = a_file(tmp_path)
    image = prepare(source, storage)
    storage.put(record_key(image.digest), record)

    assert prepare(source, storage) == image


def test_a_store_that_cannot_be_written_is_no_fault_of_the_image(tmp_path: Path, storage: FolderStorage) -> None:
    (tmp_path / "root").write_text("in the way")

    with pytest.raises(StorageError) as caught:
        prepare(a_file(tmp_path), storage)

    assert (caught.value.place, caught.value.reason) == (storage.place, "Not a directory")


def test_an_image_killed_at_any_moment_is_absent_or_whole(tmp_path: Path, storage: FolderStorage) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(900, 700), "PNG"))
    expected = prepare(source, storage)
    whole = written(storage)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["api.media.images"])

    for round_ in range(12):
        place = FolderStorage(tmp_path / f"root {round_}")
        worker = context.Process(target=prepare, args=(source, place))
        worker.start()
        worker.join(0.02 * round_)
        worker.kill()
        worker.join()

        assert written(place).items() <= whole.items()
        assert prepare(source, place) == expected
        assert written(place) == whole


def test_concurrent_runs_over_one_image_agree(tmp_path: Path, storage: FolderStorage) -> None:
    source = a_file(tmp_path)
    context = multiprocessing.get_context("spawn")

    with context.Pool(3) as pool:
        images = pool.starmap(prepare, [(source, storage)] * 9)

    assert images == [images[0]] * 9
    assert set(written(storage)) == {
        record_key(images[0].digest), key(images[0].digest, 320), key(images[0].digest, 400)
    }  # fmt: skip


@pytest.mark.parametrize("width", [-1, 0, 1601, 10**30])
def test_a_width_that_is_never_served_has_no_key(width: int) -> None:
    assert key("0" * 64, width) is None
    assert key("0" * 64, 1600, "avif") == f"media/000/{'0' * 64}-1600.avif"


@pytest.mark.parametrize("digest", ["", "..", "../" * 21 + "a", "A" * 64, "0" * 64 + "\n", "0" * 63 + "\0", "0" * 65])
def test_what_is_no_digest_has_no_key(digest: str) -> None:
    assert key(digest, 320) is None


def test_a_picture_is_known_by_all_that_it_is_made_of() -> None:
    red, green, grid = (Path(name) for name in ("red", "green", "grid"))
    wishes = [
        (Wanted((red,)), [b"1"]),
        (Wanted((red,), hdu=1), [b"1"]),
        (Wanted((red,), cutout=Cutout(1, 2, 3)), [b"1"]),
        (Wanted((red,), cutout=Cutout(1, 2, 4)), [b"1"]),
        (Wanted((red,), grid=grid), [b"1", b"2"]),
        (Wanted((red, green)), [b"1", b"2"]),
        (Wanted((red, green)), [b"2", b"1"]),
    ]

    digests = [digest_of(wanted, contents) for wanted, contents in wishes]

    assert digests[0] == hashlib.sha256(b"1").hexdigest()
    assert len(set(digests)) == len(wishes)
    assert digest_of(Wanted((green,), hdu=1), [b"1"]) == digests[1], "names make no difference"


def test_a_variant_knows_its_size_in_pixels_and_bytes() -> None:
    assert Variant(320, 240, 9_000) < Variant(640, 480, 20_000)
