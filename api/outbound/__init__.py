"""Requests that the service itself makes, to addresses that somebody else named.

Whoever names an address could make us ask our own network on their behalf. So nothing here connects to an address that
is not public (unless the operator allows it), follows a redirect, keeps a cookie, or asks the environment for a proxy.
Providers of logins are named by the operator alone, and may be anywhere.
"""
