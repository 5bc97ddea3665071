"""Finding people by what they are called."""

import re
from typing import Final

from api.errors import UnknownVolunteerError
from api.services.names import compared
from api.store.volunteers import Volunteer, VolunteerStore

_PUBLIC_ID: Final = re.compile(r"V([1-9][0-9]{0,17})")


async def find_volunteer(store: VolunteerStore, name_or_id: str) -> Volunteer:
    """Return the volunteer of an id or a name; what looks like an id is one, whatever people call themselves.

    Raises
    ------
    UnknownVolunteerError
        Nobody is called so, by name or by an id such as V7.
    """
    number = _PUBLIC_ID.fullmatch(name_or_id)
    if number is not None:
        volunteer = await store.by_number(int(number[1]))
    else:
        volunteer = await store.by_name(compared(name_or_id))
    if volunteer is None:
        raise UnknownVolunteerError(name_or_id)
    return volunteer
