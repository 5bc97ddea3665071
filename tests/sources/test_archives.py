"""Archives of every packing, and those that mean harm."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from api.sources.archives import Bounds, is_archive, unpack
from api.sources.errors import (
    ArchiveError,
    DamagedArchiveError,
    EncryptedArchiveError,
    NoRoomError,
    TooMuchUnpackedError,
    UnsafeEntryError,
)

FILES = {"manifest.csv": b"external_id,location:1\na,pictures/a.png\n", "pictures/a.png": bytes(range(256)) * 20}
TINY = Bounds(entries=10, unpacked_bytes=10_000_000, ratio=10, free_bytes=100_000)


def a_tar(files: Mapping[str, bytes] = FILES, *entries: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry)
    return out.getvalue()


def a_zip(files: Mapping[str, bytes] = FILES) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def unpacked(folder: Path, content: bytes, bounds: Bounds = TINY) -> dict[str, bytes]:
    archive = folder / "archive.bin"
    archive.write_bytes(content)
    place = folder / "place"
    place.mkdir()
    unpack(archive, place, bounds)
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def unpacked_from(folder: Path, *parts: bytes) -> None:
    with (folder / "archive.bin").open("wb") as file:
        file.writelines(parts)
    unpack(folder / "archive.bin", folder, Bounds())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_tar_in_any_packing_gives_its_files(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(tmp_path, pack(a_tar())) == FILES
    assert is_archive(tmp_path / "archive.bin")


def test_a_zip_gives_its_files(tmp_path: Path) -> None:
    assert unpacked(tmp_path, a_zip()) == FILES
    assert is_archive(tmp_path / "archive.bin")


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "a\\..\\out.png"])
@pytest.mark.parametrize("make", [a_tar, a_zip])
def test_a_name_that_leads_out_is_refused(
    tmp_path: Path, make: Callable[[Mapping[str, bytes]], bytes], name: str
) -> None:
    with pytest.raises(UnsafeEntryError, match=r"leads out of it; pack plain files") as caught:
        unpacked(tmp_path, make({"first.png": b"x", name: b"y"}))

    assert caught.value.entry == name
    assert not list(tmp_path.rglob("out.png"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("trap.png")
    entry.type, entry.linkname = kind, "/etc/passwd"

    with pytest.raises(UnsafeEntryError, match=r"'trap\.png' in it is a link or a device"):
        unpacked(tmp_path, a_tar(FILES, entry))


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("trap.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")

    with pytest.raises(UnsafeEntryError, match="is a link or a device"):
        unpacked(tmp_path, out.getvalue())


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(a_zip({"secret.png": b"x" * 100}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1

    with pytest.raises(EncryptedArchiveError, match=r"'secret\.png' in it is encrypted"):
        unpacked(tmp_path, bytes(content))


@pytest.mark.parametrize(
    "content", [a_zip({"bomb.png": bytes(5_000_000)}), gzip.compress(a_tar({"bomb.png": bytes(5_000_000)}))]
)
def test_an_archive_that_swells_is_stopped(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(TooMuchUnpackedError, match=r"more than 100,000 bytes when unpacked \(met at 'bomb\.png'\)"):
        unpacked(tmp_path, content)


@pytest.mark.parametrize("make", [a_tar, a_zip])
def test_an_archive_of_too_many_entries_is_stopped(
    tmp_path: Path, make: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    with pytest.raises(TooMuchUnpackedError, match="more than 10 entries"):
        unpacked(tmp_path, make({f"{number}.png": b"" for number in range(11)}))


def test_a_tar_with_a_huge_header_is_stopped_before_it_fills_the_memory(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("pax")
    entry.type, entry.size = tarfile.XHDTYPE, 50_000_000
    content = gzip.compress(entry.tobuf() + bytes(60_000_000))

    with pytest.raises(DamagedArchiveError, match="a header of more than 1 MB"):
        unpacked(tmp_path, content, Bounds())


def test_a_zip_that_claims_a_huge_directory_is_refused(tmp_path: Path) -> None:
    content = bytearray(a_zip())
    struct.pack_into("<L", content, content.rindex(b"PK\x05\x06") + 12, 600_000_000)

    with pytest.raises(DamagedArchiveError, match="its directory has more than 500 MB"):
        unpacked(tmp_path, bytes(content))


def test_a_zip_of_too_many_entries_is_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 1_000_001
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)

    tracemalloc.start()
    with pytest.raises(TooMuchUnpackedError, match="more than 1,000,000 entries"):
        unpacked_from(tmp_path, b"PK\x03\x04", directory, end)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 20_000_000


@pytest.mark.parametrize(
    "content",
    [
        a_zip()[:200],
        a_zip().replace(b"PK\x01\x02", b"XX\x01\x02"),
        gzip.compress(b"external_id\n"),
        gzip.compress(a_tar())[:-40],
        lzma.compress(a_tar())[:200],
        zstd(a_tar())[:-10],
        b"PK\x05\x06",
    ],
    ids=["cut zip", "zip without a directory", "gzip of no tar", "cut gzip", "cut xz", "cut zstd", "end of a zip"],
)
def test_a_damaged_archive_says_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArchiveError, match="damaged or of no known kind"):
        unpacked(tmp_path, content)


def test_a_flipped_byte_in_a_zip_names_the_entry(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", b"x" * 1000)
    content = out.getvalue().replace(b"x" * 1000, b"x" * 999 + b"y")

    with pytest.raises(DamagedArchiveError, match=r"'a\.png' in it is damaged"):
        unpacked(tmp_path, content)


def test_no_room_for_what_is_unpacked_says_where(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(a_zip())
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "pictures").write_text("in the way")

    with pytest.raises(NoRoomError, match="make room there"):
        unpack(archive, tmp_path / "place", TINY)
