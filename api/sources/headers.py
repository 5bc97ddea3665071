"""The header of a CSV file of known columns."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from api.manifest import BadColumn, BadHeaderError, BadRow, UnreadableManifestError
from api.manifest.reading import check_encoding, delimiter_of, open_text, records_of


def header_of(path: Path, wrong: Callable[[Sequence[str]], Iterable[BadColumn]]) -> tuple[str, tuple[str, ...]]:
    """Return what separates the cells, and the names of the columns, of which `wrong` finds nothing to say.

    Raises
    ------
    UnreadableManifestError, NotUtf8Error, BadHeaderError
    """
    try:
        check_encoding(path)
        with open_text(path) as file:
            delimiter = delimiter_of(file)
            file.seek(0)
            line, header = next(records_of(file, delimiter), (1, []))
    except OSError as error:
        raise UnreadableManifestError(path, error.strerror or str(error)) from error
    if isinstance(header, BadRow):
        raise BadHeaderError(path, line, [BadColumn(0, "", header.problem, header.remedy)])
    names = tuple(name.strip() for name in header)
    if problems := list(wrong(names)):
        raise BadHeaderError(path, line, problems)
    return delimiter, names
