"""Everything that speaks SQL: tables, the statements of the hot path, and one store per noun.

Rows never leave this package: a store returns plain values, and never commits. The service that calls it opens the
transaction.
"""
