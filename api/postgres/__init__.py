"""The embedded PostgreSQL: found, created, started, watched and stopped; and the check of a server of your own.

`embedded.running_postgres` is the way in. Nothing here knows a table: what is in the database is the business of
``api.store``. Nothing is imported here, since the supervisor has to start quickly.
"""
