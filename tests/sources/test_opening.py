"""Manifests, folders and archives, near and far."""

import asyncio
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from api.manifest import BadRow, Manifest, ManifestRow, UnreadableManifestError
from api.outbound.errors import WrongAnswerError
from api.sources import Listing, SourceError, opened, scratch_folder
from api.sources.archives import Bounds, unpack
from api.sources.opening import file_name
from api.sources.stopping import Stop, StoppedError, in_thread
from tests.services.imports import a_manifest, a_picture


async def no_fetch(url: str, into: Path, limit_bytes: int) -> None:
    raise AssertionError(f"{url} is fetched into {into}, {limit_bytes}")


async def test_the_pictures_of_a_folder_are_subjects_named_by_their_paths(tmp_path: Path) -> None:
    place = tmp_path / "photos"
    (place / "night one").mkdir(parents=True)
    (place / ".cache").mkdir()
    for name in ("b.PNG", "a.fits.gz", "night one/c.jpg", ".hidden.png", ".cache/d.png", "notes.txt", "a.jpg"):
        (place / name).write_bytes(b"x")
    (place / "link.png").symlink_to("/etc/passwd")

    async with opened(str(place), tmp_path, no_fetch) as source:
        rows = list(source.rows())

    assert isinstance(source, Listing)
    assert [(row.line, row.external_id, row.locations[0].text) for row in rows if isinstance(row, ManifestRow)] == [
        (1, "a", "a.fits.gz"),
        (3, "b", "b.PNG"),
        (4, "night one/c", "night one/c.jpg"),
    ]
    assert [row for row in rows if isinstance(row, BadRow)] == [
        BadRow(2, "file", "a.jpg would be the same subject as a.fits.gz", "rename it, or write a manifest")
    ]


@pytest.mark.parametrize("name", ["manifest.csv", "lab.csv"])
async def test_a_folder_with_a_manifest_is_read_by_it(tmp_path: Path, name: str) -> None:
    a_picture(tmp_path, "a.png")
    a_manifest(tmp_path, [{"external_id": "one", "location:1": "a.png"}], name)

    async with opened(str(tmp_path), tmp_path, no_fetch) as source:
        assert isinstance(source, Manifest)
        assert source.path.name == name


async def test_an_archive_is_read_as_its_folder_and_leaves_nothing(tmp_path: Path) -> None:
    archive, scratch = tmp_path / "subjects.zip", tmp_path / "scratch"
    scratch.mkdir()
    a_picture(tmp_path, "a.png")
    with zipfile.ZipFile(archive, "w") as file:
        file.write(tmp_path / "a.png", "subjects/pictures/a.png")
        file.writestr("subjects/manifest.csv", "external_id,location:1\none,pictures/a.png\n")
        file.writestr("__MACOSX/subjects/._a.png", "x")

    async with opened(str(archive), scratch, no_fetch) as source:
        [row] = source.rows()
        assert isinstance(row, ManifestRow)
        [path] = row.locations[0].files
        assert path.read_bytes() == (tmp_path / "a.png").read_bytes()

    assert list(scratch.iterdir()) == []


async def test_an_address_is_fetched_and_read_as_what_it_is(tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, [{"external_id": "one", "location:1": "https://example.org/a.png"}])

    async def fetch(url: str, into: Path, limit_bytes: int) -> None:
        assert (url, into.name) == ("https://example.org/m/manifest.csv?v=2", "manifest.csv")
        assert limit_bytes > 1e9
        shutil.copy(manifest, into)

    async with opened("https://example.org/m/manifest.csv?v=2", tmp_path, fetch) as source:
        [row] = source.rows()

    assert isinstance(row, ManifestRow)
    assert row.locations[0].urls == ("https://example.org/a.png",)


async def test_an_address_that_cannot_be_fetched_is_named(tmp_path: Path) -> None:
    async def fetch(url: str, into: Path, limit_bytes: int) -> None:
        assert (url, into.name, limit_bytes > 1e9) == ("https://example.org/x.zip", "x.zip", True)
        raise WrongAnswerError(404, 1)

    with pytest.raises(SourceError, match=r"https://example\.org/x\.zip: the answer is 404; open the address"):
        async with opened("https://example.org/x.zip", tmp_path, fetch):
            pass


async def test_a_folder_without_pictures_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no manifest\.csv in it, and no file whose name ends in \.avif"):
        async with opened(str(tmp_path), tmp_path, no_fetch):
            pass


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/b.zip?x=1", "b.zip"),
        ("https://example.org/", "fetched"),
        ("https://example.org/%2e%2e%2fb", "_b"),
        ("https://example.org/..", "fetched"),
    ],
)
def test_a_fetched_file_is_named_safely(url: str, name: str) -> None:
    assert file_name(url) == name


def test_the_scratch_of_a_killed_process_is_swept_and_that_of_a_live_one_kept(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from api.sources import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'file').write_text('x'); print(folder, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    owners = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(2)
    ]
    killed, alive = (Path(owner.stdout.readline().strip()) for owner in owners if owner.stdout)
    owners[0].kill()
    owners[0].wait()

    with scratch_folder(tmp_path) as ours:
        assert (killed.exists(), alive.exists(), ours.exists()) == (False, True, True)

    owners[1].communicate("")
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    for owner in owners:
        for stream in (owner.stdin, owner.stdout):
            if stream is not None:
                stream.close()


async def test_what_a_manifest_that_was_fetched_names_lies_beside_it(tmp_path: Path) -> None:
    rows = [
        ("one", "pictures/a #1.png"),
        ("two", "../b.png"),
        ("three", "i.fits[1] + /r.fits[1] + https://other.example/g.fits[1]"),
        ("four", "https://other.example/d.png"),
        ("five", "ftp://other.example/e.png"),
    ]

    async def fetch(url: str, into: Path, limit_bytes: int) -> None:
        assert (url[:19], limit_bytes > 1e9) == ("https://example.org", True)
        lines = (f"{name},{location}" for name, location in rows)
        await asyncio.to_thread(into.write_text, "\n".join(["external_id,location", *lines]))

    async with opened("https://example.org/m/manifest.csv?v=2", tmp_path, fetch) as source:
        found = list(source.rows())

    site = "https://example.org"
    bands = (f"{site}/m/i.fits", f"{site}/r.fits", "https://other.example/g.fits")
    assert [(row.locations[0].parts, row.locations[0].text) for row in found if isinstance(row, ManifestRow)] == [
        ((f"{site}/m/pictures/a%20%231.png",), f"{site}/m/pictures/a%20%231.png"),
        ((f"{site}/b.png",), f"{site}/b.png"),
        (bands, " + ".join(f"{band}[1]" for band in bands)),
        (("https://other.example/d.png",), "https://other.example/d.png"),
    ]
    assert [row.problem for row in found if isinstance(row, BadRow)] == ["is a URL of ftp"]


async def test_a_thread_that_nobody_waits_for_any_more_has_ended(tmp_path: Path) -> None:
    archive, begun, ended = tmp_path / "a.tar", asyncio.Event(), []
    loop = asyncio.get_running_loop()
    with tarfile.open(archive, "w") as file:
        file.addfile(tarfile.TarInfo("a.png"))

    def unpack_again_and_again(stop: Stop) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                unpack(archive, tmp_path, Bounds(), stop)
        except StoppedError:
            ended.append(True)
            raise

    unpacking = asyncio.create_task(in_thread(unpack_again_and_again))
    await begun.wait()
    unpacking.cancel()
    await asyncio.wait({unpacking})

    assert unpacking.cancelled()
    assert ended == [True]


async def test_a_manifest_of_one_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("a," * 6_000_000)

    with pytest.raises(UnreadableManifestError, match="a line of it has more than 10,000,000 characters"):
        async with opened(str(path), tmp_path, no_fetch):
            pass
