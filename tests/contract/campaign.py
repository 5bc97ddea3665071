"""A small campaign over real pictures, served over HTTP, with one token for each scope."""

import asyncio
import csv
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from PIL import Image

from api.app import App
from api.caller import Role, Scope
from api.factory import open_services
from api.http.client_files import ClientFiles
from api.media.storage import Storage, open_storage, place_of
from api.services.importing import import_manifest
from api.services.pages import import_pages
from api.services.tokens import open_session
from api.settings import Settings
from api.store.engine import open_pool
from api.store.members import MemberStore
from api.store.projects import ProjectStore
from api.store.sessions import Sessions, open_engine
from api.store.volunteers import VolunteerStore
from mobile_schemas.endpoint import Access
from mobile_schemas.volunteers import VolunteerIn
from tests.http.shell import a_built_client

SLUG: Final = "galaxy-garden"
ORIGIN: Final = "http://localhost:8000"
"""Where the settings say that browsers reach it: passkeys want a name, and the tests ask at a number."""

SUBJECTS: Final = 40
GOLD: Final = 5
"""Of these subjects the answer is known: yes. They have places in the sky, one arcsecond from each other."""

CASCADE: Final = f"""
project: {SLUG}
title: A garden of galaxies
workflows:
  - name: galaxy
    question: Is there a galaxy?
    policy: {{count: 1}}
    audit: 0
    then: {{yes: arms, no: retire}}
  - name: arms
    question: Does it have arms?
    policy: {{count: 2}}
    then: {{yes: merging, no: retire}}
  - name: merging
    question: Is it merging?
    level: 2
    policy: {{count: 1}}"""

ASKED_BEFORE: Final = f"""{CASCADE}
    then: {{yes: tidal, no: retire}}
  - name: tidal
    question: Is there a tidal tail?
    policy: {{count: 1}}
"""
"""An earlier version of the cascade, with a workflow that has retired since."""

MERGING, TIDAL = 3, 4
"""Workflows are numbered as they were declared: one for level 2, and the one that has retired."""


@dataclass(frozen=True)
class Campaign:
    """Where it is served, and who may ask for what."""

    url: str
    tokens: Mapping[Access, str]
    storage: Storage

    def headers(self, access: Access) -> dict[str, str]:
        """Return the headers with which an endpoint of this access lets one in."""
        return {"Authorization": f"Bearer {self.tokens[access]}"} if access in self.tokens else {}


@contextmanager
def served(settings: Settings) -> Iterator[Campaign]:
    """Set the campaign up over an empty database, and serve it from a thread."""
    tokens = asyncio.run(_prepare(settings))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = App(settings=settings, client=ClientFiles(a_built_client(settings.data_dir / "client")))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield Campaign(f"http://127.0.0.1:{listening.getsockname()[1]}", tokens, open_storage(settings))
        finally:
            server.should_exit = True
            thread.join()


async def _prepare(settings: Settings) -> dict[Access, str]:
    assert settings.database_url is not None
    services = await open_services(settings)
    pool = await open_pool(settings.database_url, 1)
    try:
        await import_manifest(pool, _manifest(settings.data_dir), SLUG, place_of(settings))
        for declaration in (ASKED_BEFORE, CASCADE):
            await services.publishing.publish(declaration)
        await import_pages(pool, _pages(settings.data_dir), SLUG, place_of(settings))
        registered = await services.volunteers.register(VolunteerIn())
        researcher = await services.tokens.issue(SLUG, Scope.RESEARCHER, "test")
        importer = await services.tokens.issue(SLUG, Scope.IMPORT, "test")
        return {
            "volunteer": registered["token"],
            "person": registered["token"],
            "researcher": researcher.token,
            "listener": researcher.token,
            "import": importer.token,
            **dict.fromkeys(("account", "moderator", "owner"), await _owner(settings.database_url)),
        }
    finally:
        await pool.close()
        await services.close()


def _manifest(folder: Path) -> Path:
    """Draw the pictures and write the manifest that names them."""
    dice = random.Random(2)
    path = folder / "manifest.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["external_id", "location:1", "ra", "dec", "metadata:field", "metadata:#seed", "gold:galaxy"])
        for number in range(SUBJECTS):
            picture = Image.effect_noise((400, 300), 20 + number).convert("RGB")
            picture.save(folder / f"{number}.png")
            place = (189.2, f"{62.2 + number / 3600:.6f}") if number < GOLD else ("", "")
            gold = "yes" if number < GOLD else ""
            rows.writerow([f"g{number}", f"{number}.png", *place, "deep", dice.random(), gold])
    return path


def _pages(folder: Path) -> Path:
    """Write what volunteers are told, with one of the pictures."""
    pages = folder / "pages"
    pages.mkdir()
    (pages / "galaxy.png").write_bytes((folder / "0.png").read_bytes())
    picture = "![A galaxy](galaxy.png)"
    (pages / "about.md").write_text(f"We count *galaxies*.\n\n{picture}\n")
    (pages / "guide.md").write_text(f"## Galaxies {{galaxy=yes}}\n\n{picture}\n\nThey are **soft**.\n")
    return pages


async def _owner(url: str) -> str:
    """Return the session of an owner of the project."""
    sessions = Sessions(open_engine(url))
    async with sessions.begin() as session:
        project = await ProjectStore(session).by_slug(SLUG)
        volunteer = await VolunteerStore(session).add("Maria Mitchell", "maria mitchell")
        assert project is not None
        assert volunteer is not None
        await MemberStore(session).add(project.id, volunteer.person_id, Role.OWNER)
        token = open_session(session, volunteer.id)
    await sessions.close()
    return token
