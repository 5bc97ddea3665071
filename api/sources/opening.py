"""From what a researcher names to rows: a manifest, a folder, an archive, or the address of a manifest or archive."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from api.manifest import Manifest, read
from api.outbound.errors import FetchError
from api.sources.archives import Bounds, is_archive, unpack
from api.sources.errors import NoRoomError, NotFetchedError, NothingToImportError
from api.sources.listing import PICTURES, Listing, listed
from api.sources.stopping import Stop, in_thread

Source: TypeAlias = Manifest | Listing
"""Rows with their columns."""

FETCH_LIMIT_BYTES: Final = 20_000_000_000
"""Of a manifest or an archive that is fetched."""

_MANIFEST: Final = "manifest.csv"
_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Fetch(Protocol):
    """Fetches an address into a file of at most so many bytes, or raises a `FetchError`."""

    async def __call__(self, url: str, into: Path, limit_bytes: int) -> None:
        """Fetch one file; a part of it may be left if that fails."""
        ...


def is_address(source: str) -> bool:
    """Tell whether a source is to be fetched."""
    return source.lower().startswith(("http://", "https://"))


@asynccontextmanager
async def opened(
    source: str,
    scratch: Path,
    fetch: Fetch,
    *,
    root: Path | None = None,
    bounds: Bounds | None = None,
) -> AsyncIterator[Source]:
    """Give the rows of a source, which stay readable until the end.

    Parameters
    ----------
    source
        A path, or an address (http, https).
    scratch
        Folder for what is fetched and unpacked.
    root
        Folder in which the pictures may lie, if not in that of the manifest. Without it, relative locations of a
        manifest that is fetched are relative to its address.

    Raises
    ------
    SourceError, ManifestError
        Nothing of it can be imported.
    """
    own = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=scratch))
    try:
        address = source if is_address(source) else None
        path = await fetched(source, own, fetch) if address else Path(source)
        yield await in_thread(partial(_source, path, address, root, own, bounds or Bounds()))
    finally:
        await asyncio.to_thread(shutil.rmtree, own, ignore_errors=True)


async def fetched(url: str, folder: Path, fetch: Fetch) -> Path:
    """Fetch a file into a folder.

    Raises
    ------
    NotFetchedError, NoRoomError
    """
    path = folder / file_name(url)
    try:
        await fetch(url, path, FETCH_LIMIT_BYTES)
    except FetchError as error:
        raise NotFetchedError(url, error.problem, error.remedy) from error
    except OSError as error:
        raise NoRoomError(url, folder, error.strerror or str(error)) from error
    return path


def file_name(url: str) -> str:
    """Return a name for the file behind an address: its last part, as far as any file system takes that."""
    try:
        last = unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:  # it is no address, as whoever fetches it will say
        last = ""
    return "".join(letter if letter in _SAFE else "_" for letter in last)[-100:].lstrip(".") or "fetched"


def _source(path: Path, address: str | None, root: Path | None, own: Path, bounds: Bounds, stop: Stop) -> Source:
    if path.is_dir():
        return _of_folder(path, root, named=path)
    if is_archive(path):
        place = own / "unpacked"
        place.mkdir()
        unpack(path, place, bounds, stop)
        return _of_folder(_only_folder(place), None, named=path)
    return read(path, root, address if root is None else None)


def _of_folder(folder: Path, root: Path | None, *, named: Path) -> Source:
    if (manifest := _manifest(folder)) is not None:
        return read(manifest, root)
    listing = listed(folder)
    if not listing.files:
        raise NothingToImportError(named, ", ".join(PICTURES))
    return listing


def _manifest(folder: Path) -> Path | None:
    """Return manifest.csv, or the only other CSV file in a folder."""
    if (path := folder / _MANIFEST).is_file():
        return path
    others = [path for path in folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith(".")]
    return others[0] if len(others) == 1 else None


def _only_folder(place: Path) -> Path:
    """Return the folder that an archive holds all in, as most do."""
    found = [path for path in place.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    return found[0] if len(found) == 1 and found[0].is_dir() else place
