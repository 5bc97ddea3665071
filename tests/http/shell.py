"""A small client, as a build would leave it: enough to be served."""

from pathlib import Path
from typing import Final

PAGE: Final = """<!doctype html>
<html lang="en">
  <head>
    <title>Chaffinch</title>
    <style>body{margin:0}</style>
    <!--chaffinch-->
  </head>
  <body><div id="app"></div><script type="module" src="/assets/index-1a2b.js"></script></body>
</html>
"""
SCRIPT: Final = "export const finches = ['chaffinch', 'bullfinch', 'goldfinch', 'greenfinch', 'hawfinch'];\n" * 4
FONT: Final = bytes(range(256))


def a_built_client(folder: Path) -> Path:
    """Write the client into a folder that is not there yet, and return it."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "service-worker.js").write_text(SCRIPT)
    (folder / "manifest.webmanifest").write_text('{"name": "Chaffinch"}')
    (folder / "assets" / "index-1a2b.js").write_text(SCRIPT)
    (folder / "assets" / "serif-3c4d.woff2").write_bytes(FONT)
    return folder
