"""Manifests: CSV files that name subjects, their images, and what is known of them.

The columns are `external_id`, `location:1` and on (or `location`), `ra`, `dec` and `cutout` (where it is in the sky,
and how much of that to show), `metadata:KEY`, `gold:WORKFLOW` (yes, no or nothing), `explanation:WORKFLOW` (shown
after a vote on gold) and `score:NAME` (0 to 1). Manifests of the Zooniverse's lab are read too (`lab`).
`read` checks the header at once and the rows as they are drawn. Nothing here opens an image or asks a database: whether
a workflow exists and an image is one is for the import to say.
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
