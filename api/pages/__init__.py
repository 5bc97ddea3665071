"""Pages of a project, as researchers write them: Markdown with pictures, checked, taken apart, and made into safe HTML.

`folder` reads the files, `markdown` takes text apart, `checking` says what is wrong with it and by which line, and
`rendering` makes HTML. Nothing here knows the database or HTTP, and pictures are only named, never opened.
"""

from api.pages.checking import Checked, Reference, check
from api.pages.errors import PageProblem, PagesError
from api.pages.folder import LIMIT_BYTES, PageFile, PageFolder, read_folder
from api.pages.names import NAMES, PageName
from api.pages.rendering import Rendered, Shown, entries, first_picture, steps, summary, whole

__all__ = [
    "LIMIT_BYTES",
    "NAMES",
    "Checked",
    "PageFile",
    "PageFolder",
    "PageName",
    "PageProblem",
    "PagesError",
    "Reference",
    "Rendered",
    "Shown",
    "check",
    "entries",
    "first_picture",
    "read_folder",
    "steps",
    "summary",
    "whole",
]
