"""Boards: who took part most in a week.

They are made when somebody looks, so a wish to be left out holds at once. A week of 20,000 people takes .2 s of the
processor, two thirds of it in the database.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.caller import Caller, Scope, sight_of
from api.errors import NotAllowedError, UnknownProjectError
from api.services.reachable import reachable
from api.store.boards import BoardStore
from api.store.engine import Pool
from api.store.progress import ProgressStore
from gamification.boards import BOARDS, By, Effort, Place, board, own_place, week_of
from mobile_schemas.boards import BoardWishIn

PLACES: Final = 20
"""Places of a board that are shown."""

_THEIR_OWN: Final = frozenset({Scope.VOLUNTEER, Scope.SESSION})
"""Tokens by which somebody may say whether they want to be seen: their own, none that a program holds."""


class Boards:
    """Shows boards, to everybody."""

    def __init__(self, pool: Pool, slow_pool: Pool) -> None:
        self._pool = pool
        self._slow_pool = slow_pool

    @reachable
    async def of_project(self, bearer: Caller | None, slug: str, weeks_ago: int) -> dict[str, Any]:
        """Return the boards of a week, and the place of who looks (`mobile_schemas.boards.BoardOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        week = week_of(datetime.now(UTC).date() - timedelta(weeks=weeks_ago))
        async with self._slow_pool.acquire() as connection:
            found = await ProgressStore(connection).project(slug, sight_of(bearer))
            if found is None:
                raise UnknownProjectError(slug)
            store = BoardStore(connection)
            efforts = [Effort(*each) for each in await store.efforts(found[0], week.first, week.last)]
            seen = bearer is not None and await store.seen(bearer.person_id)
        me = None if bearer is None else bearer.person_id
        return {
            "week": str(week),
            "first": week.first,
            "last": week.last,
            **{f"by_{by}": [_place_view(place, me) for place in board(efforts, by, PLACES)] for by in BOARDS},
            "mine": None if me is None else _my_view(efforts, me, seen),
        }

    @reachable
    async def stand(self, caller: Caller, wish: BoardWishIn) -> dict[str, Any]:
        """Keep whether somebody wants to stand on boards.

        Raises
        ------
        NotAllowedError
            The token is not that of a phone or a login.
        """
        if caller.scope not in _THEIR_OWN:
            raise NotAllowedError(f"a token of scope {caller.scope} was sent; this is for phones and logins")
        async with self._pool.acquire() as connection, connection.transaction():
            await BoardStore(connection).wish(caller.person_id, wish.on)
        return {"on": wish.on}


def _place_view(place: Place, me: int | None) -> dict[str, Any]:
    effort = place.effort
    return {
        "rank": place.rank,
        "name": effort.name,
        "votes": effort.votes,
        "days": effort.days,
        "you": effort.person == me,
    }


def _my_view(efforts: Sequence[Effort], me: int, seen: bool) -> dict[str, Any]:
    mine = next((each for each in efforts if each.person == me), Effort(me, None, votes=0, days=0))
    return {
        "shown": seen and mine.willing,
        "votes": mine.votes,
        "days": mine.days,
        **{f"{by}_rank": _rank(efforts, mine, by) for by in BOARDS},
    }


def _rank(efforts: Sequence[Effort], mine: Effort, by: By) -> int | None:
    place = own_place(efforts, mine, by)
    return None if place is None else place.rank
