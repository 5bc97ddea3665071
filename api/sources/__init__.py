"""What subjects are imported from: a manifest, a folder, an archive, or the address of one.

Nothing of an archive is trusted: neither its names nor its sizes, and nothing of it is left behind. What lies here ends
in rows of a manifest; whether their pictures are any good is for the import to say.
"""

from api.sources.errors import SourceError
from api.sources.listing import Listing
from api.sources.opening import Fetch, Source, fetched, opened
from api.sources.scratch import own_scratch, scratch_folder

__all__ = ["Fetch", "Listing", "Source", "SourceError", "fetched", "opened", "own_scratch", "scratch_folder"]
