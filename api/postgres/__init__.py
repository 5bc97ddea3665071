"""The embedded PostgreSQL: found, created, started, watched and stopped; and the check of a server of your own.

Nothing here knows a table: what is in the database is the business of ``api.store``.
"""

from api.postgres.check import check_server
from api.postgres.embedded import Postgres, running_postgres
from api.postgres.errors import PostgresError

__all__ = ["Postgres", "PostgresError", "check_server", "running_postgres"]
