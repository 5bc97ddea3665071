"""How Alembic reaches the database: over the connection that `api.store.schema` hands in."""

from alembic import context

from api.store.tables import is_declared, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
    include_object=is_declared,
    transaction_per_migration=True,
)
context.run_migrations()
