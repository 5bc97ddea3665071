"""Boards of a week, badges, and whether somebody wants to be seen."""

from datetime import date
from typing import Annotated

from pydantic import Field

from mobile_schemas.fields import Model, Whole

_Number = Annotated[int, Field(ge=0)]
_Rank = Annotated[int, Field(ge=1, description="Those who did as much share a rank.")]


class BoardQuery(Model):
    """Which week."""

    weeks_ago: Annotated[int, Whole(0, 52), Field(description="0 is the week that is now, in UTC.")] = 0


class BoardPlaceOut(Model):
    """Somebody on a board."""

    rank: _Rank
    name: str
    votes: Annotated[_Number, Field(description="Their answers of the week, in training too; without those too fast.")]
    days: Annotated[_Number, Field(description="Days of the week with an answer.")]
    you: bool


class MyPlaceOut(Model):
    """Where you stand, or would stand if you were shown. Nobody else is told."""

    shown: Annotated[bool, Field(description="Whether you stand on boards: with a name, unless you wished not to.")]
    votes: _Number
    days: _Number
    votes_rank: _Rank | None
    days_rank: _Rank | None


class BoardOut(Model):
    """The boards of a week, by answers and by days; an answer belongs to the day of the calendar of who gave it."""

    week: Annotated[str, Field(pattern=r"^[0-9]{4}-W[0-9]{2}$", examples=["2026-W49"], description="As ISO 8601.")]
    first: Annotated[date, Field(description="Its Monday.")]
    last: Annotated[date, Field(description="Its Sunday.")]
    by_votes: list[BoardPlaceOut]
    by_days: list[BoardPlaceOut]
    mine: Annotated[MyPlaceOut | None, Field(description="Null where no token was sent.")]


class BoardWishIn(Model):
    """Whether you want to stand on boards."""

    on: bool


class BoardWishOut(Model):
    """Whether you stand on boards of all projects, once you have a name."""

    on: bool


class BadgeOut(Model):
    """A badge, and how far you are: it is earned when you have what it needs. What was earned stays."""

    id: Annotated[str, Field(examples=["days-10"])]
    earned: bool
    have: _Number
    need: Annotated[int, Field(ge=1)]
