"""Names, as people write them and as they are compared."""

import unicodedata


def written(name: str) -> str:
    """Return a name as it is stored and shown."""
    return unicodedata.normalize("NFC", name)


def compared(name: str) -> str:
    """Return what two names share that differ in case or in the form of their letters only."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
