"""The history of the tables in `api.store.tables`, told to Alembic one step at a time."""
