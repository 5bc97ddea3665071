"""Endpoints of boards: who took part most in a week, for those who want to be seen."""

from typing import Final

from mobile_schemas.boards import BoardOut, BoardQuery, BoardWishIn, BoardWishOut
from mobile_schemas.endpoint import Endpoint
from mobile_schemas.projects import ProjectPath

BOARD_ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="project_board",
        method="GET",
        path="/v1/projects/{slug}/board",
        summary="Who took part most in a week, of those who have a name and want to be seen; and your own place.",
        parameters=ProjectPath,
        query=BoardQuery,
        reply=BoardOut,
        knows_bearer=True,
    ),
    Endpoint(
        name="stand_on_boards",
        method="PUT",
        path="/v1/me/board",
        summary="Say whether you want to stand on the boards of projects.",
        access="volunteer",
        body=BoardWishIn,
        reply=BoardWishOut,
    ),
)
