"""What Chaffinch does, one verb at a time: a service opens the transaction, calls the engine, and writes once.

Services know neither HTTP nor SQL: the first lives in `api.routes`, the second in `api.store`.
"""
