"""Which page has sent a request, as far as the browser says.

There are no cookies here, so a page of another site has nothing of anybody's to send along. What begins or ends a login
is refused all the same if such a page sends it: browsers say so (Sec-Fetch-Site, or Origin where they are older).
"""

from collections.abc import Callable, Iterable
from typing import Final

from api.account_errors import CrossSiteError
from api.http.calls import first_header

OUR_OWN: Final = frozenset({b"same-origin", b"none"})


def host_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the host that a request names."""
    return (first_header(headers, b"host") or b"").decode("latin-1")


def refuse_other_sites(headers: Iterable[tuple[bytes, bytes]], is_ours: Callable[[str, str], bool]) -> None:
    """Raise CrossSiteError where a page of another site has sent a request.

    Parameters
    ----------
    is_ours
        Says of an origin and the request's host whether it is that of our pages.
    """
    site = first_header(headers, b"sec-fetch-site")
    origin = first_header(headers, b"origin")
    if site is not None:
        if site.strip().lower() not in OUR_OWN:
            raise CrossSiteError(site.decode("latin-1"))
    elif origin is not None and not is_ours(origin.decode("latin-1"), host_of(headers)):
        raise CrossSiteError(origin.decode("latin-1"))
