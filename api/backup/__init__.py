"""Backups: a folder with everything that a service cannot make again, and the way back from it.

    backup.json      what it is of and how much there is; written last: without it the folder is no backup
    SHA256SUMS       of every other file; `sha256sum -c SHA256SUMS` checks them without us
    database.dump    pg_dump, custom format
    media/ ledger/   pictures and archived months, by their keys in the store of objects

A backup is made in `.NAME.part` beside its place and renamed when it is whole and on disk. Objects that the newest
whole backup beside it has already are hard links to the same files, so each backup is complete by itself, any may be
deleted, and a second one takes little time and room.
"""
