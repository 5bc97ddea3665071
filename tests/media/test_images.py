"""What a prepared image is, and that it is there whole or not at all."""

import hashlib
import io
import multiprocessing
import resource
from pathlib import Path

import blurhash
import pytest
from PIL import Image

from api.media import files
from api.media.images import PreparedImage, prepare
from api.media.variants import Variant, sizes
from tests.media.drawings import BLUE, RED, a_file, a_picture, encoded, turned


def written(media: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in media.rglob("*") if path.is_file()}


def widths(image: PreparedImage) -> list[int]:
    return [variant.width for variant in image.variants]


def test_an_image_is_served_as_webp_under_the_digest_of_its_original(tmp_path: Path) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(700, 350), "JPEG"))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()

    image = prepare(source, tmp_path / "media")

    assert (image.digest, image.mime, image.width, image.height) == (digest, "image/jpeg", 700, 350)
    assert [(variant.width, variant.height) for variant in image.variants] == [(320, 160), (640, 320), (700, 350)]
    for variant in image.variants:
        path = tmp_path / "media" / digest[:2] / digest[2:4] / digest / f"{variant.width}.webp"
        assert path.stat().st_size == variant.size_bytes
        with Image.open(path) as served:
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


def test_an_image_keeps_its_looks_at_every_width(tmp_path: Path) -> None:
    picture = Image.new("RGB", (2000, 1000), RED)
    picture.paste(BLUE, (1000, 0, 2000, 1000))

    image = prepare(a_file(tmp_path, content=encoded(picture, "PNG")), tmp_path / "media")

    assert widths(image) == [320, 640, 1080, 1600]
    for width in widths(image):
        path = files.find(tmp_path / "media", image.digest, width)
        assert path is not None
        with Image.open(path) as served:
            left, right = served.getpixel((width // 4, 9)), served.getpixel((width * 3 // 4, 9))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[0] > 240
        assert right[2] > 240


def test_nothing_of_the_originals_metadata_is_served(tmp_path: Path) -> None:
    metadata = Image.Exif()
    metadata[0x010F] = "camera with a GPS"
    source = a_file(tmp_path, content=encoded(a_picture(), "JPEG", exif=metadata, comment=b"my garden"))

    prepare(source, tmp_path / "media")

    for content in (content for name, content in written(tmp_path / "media").items() if name.endswith("webp")):
        with Image.open(io.BytesIO(content)) as served:
            assert set(served.info) <= {"background", "loop", "timestamp", "duration"}


def test_the_blurhash_looks_like_the_image_and_lies_as_it_does(tmp_path: Path) -> None:
    picture = Image.new("RGB", (300, 200), RED)
    picture.paste(BLUE, (150, 0, 300, 200))

    flat = prepare(a_file(tmp_path, content=encoded(picture, "PNG")), tmp_path / "media").blurhash
    tall = prepare(a_file(tmp_path, content=turned(picture, "PNG", orientation=6)), tmp_path / "media").blurhash

    painted = blurhash.decode(flat, 30, 20)
    assert (painted.getpixel((2, 10))[0], painted.getpixel((27, 10))[2]) > (200, 200)
    assert len(flat) == len(tall) == 28
    assert flat != tall


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(1200, 900), "JPEG"))

    prepare(source, tmp_path / "one")
    prepare(source, tmp_path / "other")

    assert written(tmp_path / "one") == written(tmp_path / "other")


def test_a_second_run_finds_the_image_done_and_writes_nothing(tmp_path: Path) -> None:
    source = a_file(tmp_path)
    first = prepare(source, tmp_path / "media")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*")}

    second = prepare(source, tmp_path / "media")

    assert second == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*")} == times


@pytest.mark.parametrize("broken", ["320.webp", "image.json"])
@pytest.mark.parametrize("how", ["removed", "cut short", "emptied"])
def test_a_file_that_got_lost_is_made_again(tmp_path: Path, broken: str, how: str) -> None:
    source = a_file(tmp_path)
    image = prepare(source, tmp_path / "media")
    whole = written(tmp_path / "media")
    path = files.folder(tmp_path / "media", image.digest) / broken
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(b"" if how == "emptied" else path.read_bytes()[:-1])

    assert prepare(source, tmp_path / "media") == image
    assert written(tmp_path / "media") == whole


@pytest.mark.parametrize("record", [b"[]", b"null", b'{"recipe": 1}', b"\xff", b'{"recipe": 0, "variants": []}'])
def test_a_record_that_is_not_ours_is_written_again(tmp_path: Path, record: bytes) -> None:
    source = a_file(tmp_path)
    image = prepare(source, tmp_path / "media")
    (files.folder(tmp_path / "media", image.digest) / files.RECORD).write_bytes(record)

    assert prepare(source, tmp_path / "media") == image


def test_a_media_folder_that_cannot_be_written_is_no_fault_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("in the way")

    with pytest.raises(NotADirectoryError):
        prepare(a_file(tmp_path), tmp_path / "media")


def test_an_image_killed_at_any_moment_is_absent_or_whole(tmp_path: Path) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(900, 700), "PNG"))
    expected = prepare(source, tmp_path / "whole")
    whole = written(tmp_path / "whole")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["api.media.images"])

    for round_ in range(12):
        media = tmp_path / f"media {round_}"
        worker = context.Process(target=prepare, args=(source, media))
        worker.start()
        worker.join(0.02 * round_)
        worker.kill()
        worker.join()

        found = {name: content for name, content in written(media).items() if not name.endswith(".part")}
        assert found.items() <= whole.items()
        assert prepare(source, media) == expected
        assert written(media) == whole


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            files.write(tmp_path, "320.webp", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_at_one_stroke(tmp_path: Path) -> None:
    files.write(tmp_path, "320.webp", b"old")

    with (tmp_path / "320.webp").open("rb") as being_served:
        files.write(tmp_path, "320.webp", b"newer")

        assert being_served.read() == b"old"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"newer"]


def test_concurrent_runs_over_one_image_agree(tmp_path: Path) -> None:
    source = a_file(tmp_path)
    context = multiprocessing.get_context("spawn")

    with context.Pool(3) as pool:
        images = pool.starmap(prepare, [(source, tmp_path / "media")] * 9)

    assert images == [images[0]] * 9
    assert set(written(tmp_path / "media")) == {"320.webp", "400.webp", "image.json"}


def test_variants_are_found_by_digest_and_width(tmp_path: Path) -> None:
    image = prepare(a_file(tmp_path), tmp_path)

    assert files.find(tmp_path, image.digest, 320) == files.folder(tmp_path, image.digest) / "320.webp"
    assert files.find(tmp_path, image.digest, 640) is None
    assert files.find(tmp_path, "0" * 64, 320) is None


@pytest.mark.parametrize("width", [-1, 0, 1601, 10**30])
def test_a_width_that_is_never_served_finds_nothing(tmp_path: Path, width: int) -> None:
    image = prepare(a_file(tmp_path), tmp_path)

    assert files.find(tmp_path, image.digest, width) is None


@pytest.mark.parametrize("digest", ["", "..", "../" * 21 + "a", "A" * 64, "0" * 64 + "\n", "0" * 63 + "\0", "0" * 65])
def test_what_is_no_digest_finds_nothing(tmp_path: Path, digest: str) -> None:
    assert files.find(tmp_path, digest, 320) is None


def test_a_variant_knows_its_size_in_pixels_and_bytes() -> None:
    assert Variant(320, 240, 9_000) < Variant(640, 480, 20_000)
