"""Objects in an object store, over obstore: Amazon S3 and what speaks like it, Google Cloud Storage, Azure."""

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from api.errors import CommandError, StorageError
from api.media.objects import Storage, Stored, checked, checked_folder

if TYPE_CHECKING:  # these exist for type checkers only
    from obstore.store import ClientConfig, RetryConfig

SCHEMES: Final = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")

_RETRY: Final["RetryConfig"] = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
"""A store that is away is noticed within seconds; who asked may ask again."""

_ENDPOINTS: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AZURE_ENDPOINT", "GOOGLE_BASE_URL")
_PART_BYTES: Final = 8 * 1024 * 1024
_PARTS_AT_ONCE: Final = 4


class WrongMediaUrlError(CommandError):
    """The address of the object store is none."""

    def __init__(self, url: str, remedy: str) -> None:
        super().__init__(f"CHAFFINCH_MEDIA_URL is {url!r}; {remedy}")
        self.url = url
        self.remedy = remedy


class RemoteStorage(Storage):
    """Objects of a bucket, below the path of its URL."""

    def __init__(self, url: str) -> None:
        self.place = url
        self._store = _opened(url)

    @property
    def is_remote(self) -> bool:
        """Whether every call costs a round trip over a network."""
        return True

    def get(self, key: str) -> bytes | None:
        """Return an object."""
        with self._told():
            try:
                return obstore.get(self._store, checked(key)).bytes().to_bytes()
            except FileNotFoundError:
                return None

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """Return at most `length` bytes of an object from byte `start` on; none past its end."""
        stored = self.head(key)
        if stored is None:
            return None
        end = min(start + length, stored.size_bytes)
        if start >= end:
            return b""
        with self._told():
            try:
                return obstore.get_range(self._store, key, start=start, end=end).to_bytes()
            except FileNotFoundError:
                return None

    def head(self, key: str) -> Stored | None:
        """Return what is known of an object without reading it."""
        with self._told():
            try:
                return Stored(key, obstore.head(self._store, checked(key))["size"])
            except FileNotFoundError:
                return None

    def put(self, key: str, content: bytes, content_type: str | None = None, *, sync: bool = True) -> None:
        """Write an object; these stores answer when it is safe, so `sync` changes nothing."""
        del sync
        with self._told():
            obstore.put(self._store, checked(key), content, attributes=_attributes(content_type))

    def put_file(self, key: str, path: Path, content_type: str | None = None) -> None:
        """Write a file as an object, in pieces, so that it need not fit into memory."""
        with path.open("rb") as file, self._told():
            obstore.put(
                self._store,
                checked(key),
                file,
                attributes=_attributes(content_type),
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._told():
            try:
                obstore.delete(self._store, checked(key))
            except FileNotFoundError:
                return

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the objects below a folder of keys, in no particular order."""
        with self._told():
            for found in obstore.list(self._store, checked_folder(prefix)):
                for each in found:
                    yield Stored(each["path"], each["size"])

    def flush(self) -> None:
        """Do nothing: what was put is safe."""

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise StorageError(self.place, str(error).partition("\n")[0]) from error


def _opened(url: str) -> ObjectStore:
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise WrongMediaUrlError(url, "give s3://BUCKET/PATH, gs://BUCKET/PATH or az://CONTAINER/PATH, or leave it out")
    client: ClientConfig = {"connect_timeout": "3s", "timeout": "60s"}
    # obstore passes over this variable where it is given options of the client.
    allowed = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    if allowed or any(_is_at_hand(os.environ.get(name, "")) for name in _ENDPOINTS):
        client["allow_http"] = True
    try:
        return from_url(url, client_options=client, retry_config=_RETRY)
    except (BaseError, ValueError) as error:
        raise WrongMediaUrlError(url, str(error).partition("\n")[0]) from error


def _is_at_hand(endpoint: str) -> bool:
    """Tell whether an endpoint is a plain http:// address of this very machine."""
    parts = urlsplit(endpoint)
    if parts.scheme != "http" or parts.hostname is None:
        return False
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def _attributes(content_type: str | None) -> dict[str, str] | None:
    return None if content_type is None else {"Content-Type": content_type}
