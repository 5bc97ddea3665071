"""Manifests: CSV files that name subjects, their images, and what is known of them.

The columns are those of Panoptes, `external_id`, `location:1` and on (or `location`), `metadata:KEY`, and three of
our own: `gold:WORKFLOW` (yes, no or nothing), `explanation:WORKFLOW` (shown after a vote on gold) and `score:NAME`
(0 to 1).
`read` checks the header at once and the rows as they are drawn. Nothing here opens an image or asks a database: whether
a workflow exists and a file is there is for the import to say.
"""

from api.manifest.columns import Columns
from api.manifest.errors import (
    BadColumn,
    BadHeaderError,
    ManifestError,
    NotUtf8Error,
    UnreadableManifestError,
)
from api.manifest.locations import Location
from api.manifest.reading import Manifest, read
from api.manifest.rows import BadRow, ManifestRow

__all__ = [
    "BadColumn",
    "BadHeaderError",
    "BadRow",
    "Columns",
    "Location",
    "Manifest",
    "ManifestError",
    "ManifestRow",
    "NotUtf8Error",
    "UnreadableManifestError",
    "read",
]
