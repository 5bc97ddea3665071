"""Subjects, as everybody may see them."""

from collections.abc import Sequence
from typing import Any, Final

from api.errors import UnknownSubjectError
from api.services.reachable import reachable
from api.services.views import card_view
from api.store.sessions import Sessions
from api.store.subjects import SubjectStore
from mobile_schemas.subjects import subject_id

WIDTH: Final = 1280
"""Pixels for which pictures are chosen where nobody says how wide the screen is."""


class Subjects:
    """Shows subjects."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def get(self, number: int, sight: Sequence[int] = ()) -> dict[str, Any]:
        """Return what a volunteer may see of a subject; `sight` are the private projects that are there for them.

        Raises
        ------
        UnknownSubjectError
            There is no such subject.
        """
        async with self._sessions.begin() as session:
            subject = await SubjectStore(session).by_number(number, sight)
        if subject is None:
            raise UnknownSubjectError(subject_id(number))
        shown = card_view(subject.metadata, subject.locations, WIDTH)
        return {"subject": subject_id(number), "project": subject.project, **shown}
