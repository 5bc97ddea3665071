"""The contract between the service and everything that speaks to it: models, and the table of endpoints.

Requests end in `In`, replies in `Out`. Nothing here does I/O, and nothing but pydantic and the standard library is
imported, so that any client can use it. Start reading at `endpoints`.
"""
