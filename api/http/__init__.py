"""From the table of endpoints to an ASGI application: requests read, handlers called, replies and problems sent.

Knows HTTP, pydantic models and the table; knows no service, no database and no particular endpoint.
"""
