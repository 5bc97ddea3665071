"""Images: what a subject's location points to, checked and made ready for phones.

`images` prepares one picture, `pool` many of them in worker processes, and `storage` keeps them. `decoding` reads what
Pillow knows, `fits` frames of the sky, and `remuxing` videos, whose still is their picture. No SQL and no HTTP live
here, and nothing here knows what a subject is.
"""
