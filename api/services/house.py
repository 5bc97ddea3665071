"""All services of one process, as routes and commands use them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from api.caller import Caller
from api.services.accounts import Accounts
from api.services.addresses import PublicAddress
from api.services.asking import Questions
from api.services.banning import Banning
from api.services.bans import Bans
from api.services.boards import Boards
from api.services.calibrations import Calibrations
from api.services.classifications import Classifications
from api.services.decks import Decks
from api.services.desk import Desk
from api.services.directory import Directory
from api.services.events import Events
from api.services.explaining import Explanations
from api.services.export_pages import Exports
from api.services.health import Health
from api.services.invitations import Invitations
from api.services.labels import Labels
from api.services.levels import Levels
from api.services.logins import Logins
from api.services.members import Members
from api.services.merging import Merging
from api.services.moderation import Moderation
from api.services.monitoring import Monitoring
from api.services.pages import Pages
from api.services.passkeys import Passkeys
from api.services.pictures import Pictures
from api.services.places import Places
from api.services.progress import ProgressReports
from api.services.projects import Projects
from api.services.promotions import Promotions
from api.services.publishing import Publishing
from api.services.push import Push
from api.services.retractions import Retractions
from api.services.subjects import Subjects
from api.services.token_lists import TokenLists
from api.services.tokens import Tokens
from api.services.uploads import Uploads
from api.services.videos import Videos
from api.services.volunteers import Volunteers
from api.services.webhooks import Webhooks
from api.services.what_if import WhatIf


@dataclass(frozen=True, slots=True)
class Services:
    """The services, over one database."""

    classifications: Classifications
    decks: Decks
    retractions: Retractions
    volunteers: Volunteers
    projects: Projects
    pages: Pages
    progress: ProgressReports
    boards: Boards
    subjects: Subjects
    places: Places
    media: Pictures
    videos: Videos
    health: Health
    labels: Labels
    events: Events
    exports: Exports
    explanations: Explanations
    webhooks: Webhooks
    push: Push
    publishing: Publishing
    what_if: WhatIf
    tokens: Tokens
    address: PublicAddress
    logins: Logins
    passkeys: Passkeys
    uploads: Uploads
    levels: Levels
    members: Members
    invitations: Invitations
    token_lists: TokenLists
    directory: Directory
    accounts: Accounts
    merging: Merging
    bans: Bans
    banning: Banning
    monitoring: Monitoring
    calibrations: Calibrations
    questions: Questions
    desk: Desk
    promotions: Promotions
    moderation: Moderation
    open_resources: AsyncExitStack

    async def authenticate(self, token_sha256: bytes, *, believing: bool = True) -> Caller | None:
        """Return the bearer of the token with this SHA-256, or None if it is unknown or revoked."""
        return await self.tokens.authenticate(token_sha256, believing=believing)

    async def close(self) -> None:
        """Commit what waits, close the connections, and leave the embedded database."""
        await self.open_resources.aclose()
