"""The part of the journey that looks at boards."""

from typing import TYPE_CHECKING

from tests.contract.campaign import SLUG

if TYPE_CHECKING:
    from tests.contract.test_journey import Traveller


def look_at_boards(traveller: "Traveller", token: str) -> None:
    """Look at the boards as a stranger and as oneself, and leave them."""
    assert traveller.ask("project_board", slug=SLUG).json()["mine"] is None
    assert traveller.ask("project_board", token=token, slug=SLUG, query={"weeks_ago": 1}).json()["mine"]["shown"]
    assert traveller.ask("stand_on_boards", {"on": False}, token).json() == {"on": False}
    assert not traveller.ask("project_board", token=token, slug=SLUG).json()["mine"]["shown"]
