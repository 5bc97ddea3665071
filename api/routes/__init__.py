"""One handler for each endpoint of the table: takes the call apart, asks a service, hands its answer back.

A handler knows no SQL and decides nothing. `handlers` has the list.
"""
