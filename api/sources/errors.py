"""What keeps a folder, an archive or an address from being imported: one class per situation."""

from pathlib import Path


class SourceError(Exception):
    """A source of which nothing can be imported."""

    def __init__(self, source: Path | str, sentence: str) -> None:
        super().__init__(f"{source.name if isinstance(source, Path) else source}: {sentence}")
        self.source = source


class NothingToImportError(SourceError):
    """There is neither a manifest nor a picture."""

    def __init__(self, source: Path, suffixes: str) -> None:
        super().__init__(source, f"There is no manifest.csv in it, and no file whose name ends in {suffixes}.")


class NotFetchedError(SourceError):
    """The address cannot be fetched."""

    def __init__(self, url: str, problem: str, remedy: str) -> None:
        super().__init__(url, f"{problem}; {remedy}.")
        self.problem = problem
        self.remedy = remedy


class ArchiveError(SourceError):
    """An archive that is not unpacked."""


class DamagedArchiveError(ArchiveError):
    """The archive cannot be read to its end."""

    def __init__(self, archive: Path, entry: str | None, reason: str) -> None:
        place = f"{entry!r} in it" if entry else "The archive"
        super().__init__(archive, f"{place} is damaged or of no known kind ({reason}); make or copy it again.")
        self.entry = entry
        self.reason = reason


class UnsafeEntryError(ArchiveError):
    """The archive holds something that is not unpacked: a name that leads elsewhere, a link, a device."""

    def __init__(self, archive: Path, entry: str, problem: str) -> None:
        super().__init__(archive, f"{entry!r} in it {problem}; pack plain files with relative names only.")
        self.entry = entry
        self.problem = problem


class EncryptedArchiveError(ArchiveError):
    """The archive asks for a password."""

    def __init__(self, archive: Path, entry: str) -> None:
        super().__init__(archive, f"{entry!r} in it is encrypted; pack it without a password.")
        self.entry = entry


class TooMuchUnpackedError(ArchiveError):
    """The archive would become larger than is taken."""

    def __init__(self, archive: Path, entry: str | None, problem: str, remedy: str) -> None:
        place = f" (met at {entry!r})" if entry else ""
        super().__init__(archive, f"It holds {problem}{place}; {remedy}.")
        self.entry = entry


class NoRoomError(SourceError):
    """What was fetched or unpacked cannot be written."""

    def __init__(self, source: Path | str, folder: Path, reason: str) -> None:
        super().__init__(
            source,
            f"It cannot be stored in {folder} ({reason}); make room there, or name another folder with "
            "CHAFFINCH_DATA_DIR.",
        )
        self.folder = folder
        self.reason = reason
