"""Images: what a subject's location points to, checked and made ready for phones.

`images` prepares one file, `pool` many of them in worker processes, and `files` finds what was prepared. No SQL and no
HTTP live here, and nothing here knows what a subject is.
"""
