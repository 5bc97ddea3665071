"""Builds every service, in plain lines."""

import random
from contextlib import AsyncExitStack
from functools import partial

import numpy as np

from api.media.storage import open_storage
from api.outbound.providers import providers
from api.reaching import Say, log, reach
from api.services.accounts import Accounts
from api.services.addresses import PublicAddress
from api.services.archiving import archived_batches
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
from api.services.house import Services
from api.services.hub import Hub
from api.services.invitations import Invitations
from api.services.labels import Labels
from api.services.levels import Levels
from api.services.logins import Logins
from api.services.members import Members
from api.services.merging import Merging
from api.services.moderation import Moderation
from api.services.monitoring import Monitoring, watched
from api.services.pages import Pages
from api.services.passkeys import Passkeys
from api.services.pictures import Pictures
from api.services.places import Places
from api.services.progress import ProgressReports
from api.services.project_rules import ProjectRules
from api.services.projects import Projects
from api.services.promotions import Promotions
from api.services.published import PublishedCascades
from api.services.publishing import Publishing
from api.services.push import Push
from api.services.retractions import Retractions
from api.services.subjects import Subjects
from api.services.token_lists import TokenLists
from api.services.tokens import Tokens
from api.services.uploads import CONNECTIONS, Uploads
from api.services.videos import Videos
from api.services.volunteers import Volunteers
from api.services.webhooks import Webhooks
from api.services.what_if import WhatIf
from api.settings import Settings
from api.store.engine import Pool, open_pool
from api.store.sessions import Sessions, open_engine


async def open_services(settings: Settings, database_url: str | None = None, say: Say = log.info) -> Services:
    """Open the services over the database of the settings, or over another one, brought to the newest schema.

    Parameters
    ----------
    say
        Told in a sentence what is waited for.

    Raises
    ------
    PostgresError
        The database cannot be had, or was away for longer than the settings have patience.
    """
    return await reach(settings, partial(_open, settings), database_url, say)


async def _open(settings: Settings, url: str, resources: AsyncExitStack) -> Services:
    pool = await open_pool(url, settings.hot_pool_size)
    resources.push_async_callback(pool.close)
    sessions = Sessions(open_engine(url))
    resources.push_async_callback(sessions.close)
    hub = Hub(url)
    resources.push_async_callback(hub.close)
    slow_pool = await open_pool(url, CONNECTIONS)
    resources.push_async_callback(slow_pool.close)
    services = _build(settings, url, pool, slow_pool, sessions, hub, resources.pop_all())
    services.open_resources.push_async_callback(services.classifications.close)
    services.open_resources.push_async_callback(services.decks.close)
    await services.open_resources.enter_async_context(watched(pool, lambda: hub.waiting))
    return services


def _build(
    settings: Settings,
    url: str,
    pool: Pool,
    slow_pool: Pool,
    sessions: Sessions,
    hub: Hub,
    resources: AsyncExitStack,
) -> Services:
    published = PublishedCascades()
    dice = random.Random()  # noqa: S311  # chooses cards and audits; secrets are made by `secrets`
    token = settings.metrics_token
    project_rules = ProjectRules(published)
    tokens = Tokens(pool, sessions)
    return Services(
        classifications=Classifications(pool, published, dice),
        decks=Decks(pool, published, np.random.default_rng()),
        retractions=Retractions(pool, published, dice),
        volunteers=Volunteers(sessions),
        projects=Projects(sessions, pool, published),
        pages=Pages(pool),
        progress=ProgressReports(pool, slow_pool, published, project_rules),
        boards=Boards(pool, slow_pool),
        subjects=Subjects(sessions),
        places=Places(pool),
        media=Pictures(open_storage(settings)),
        videos=Videos(open_storage(settings)),
        health=Health(pool),
        publishing=Publishing(pool, published, dice),
        what_if=WhatIf(pool, url, published),
        labels=Labels(pool),
        events=Events(pool, hub, settings.authority),
        exports=Exports(pool, url, partial(archived_batches, open_storage(settings))),
        explanations=Explanations(slow_pool, published, partial(archived_batches, open_storage(settings))),
        webhooks=Webhooks(pool),
        push=Push(pool, published, settings.private_addresses),
        tokens=tokens,
        address=PublicAddress(settings.public_url),
        logins=Logins(slow_pool, published, dice, providers(settings.logins), tokens),
        passkeys=Passkeys(slow_pool, published, dice, tokens),
        uploads=Uploads(slow_pool, open_storage(settings), settings.upload_limit_bytes),
        levels=Levels(pool, project_rules),
        members=Members(sessions),
        invitations=Invitations(sessions),
        token_lists=TokenLists(sessions),
        directory=Directory(sessions),
        accounts=Accounts(slow_pool, sessions, tokens),
        merging=Merging(slow_pool, sessions, published, dice),
        bans=Bans(slow_pool),
        banning=Banning(pool),
        monitoring=Monitoring(pool, None if token is None else token.get_secret_value()),
        calibrations=Calibrations(pool),
        questions=Questions(pool, published, dice),
        desk=Desk(slow_pool, project_rules),
        promotions=Promotions(pool, project_rules),
        moderation=Moderation(pool),
        open_resources=resources,
    )
