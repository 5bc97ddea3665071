"""What exports look like: their columns with units and meaning, and the forms in which files are written.

Record batches come in, bytes go out; nothing here knows a database, HTTP or a project's secrets.
"""
