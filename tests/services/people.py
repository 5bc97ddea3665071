"""People with roles and tokens, who speak to the service over HTTP within the process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from api.caller import Role, Scope
from api.services.tokens import new_token, sha256_of
from api.store.engine import Connection
from mobile_schemas.volunteers import volunteer_id


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    client: httpx2.AsyncClient
    token: str | None = None
    volunteer_id: int = 0
    person_id: int = 0

    @property
    def called(self) -> str:
        """The public id."""
        return volunteer_id(self.volunteer_id)

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> httpx2.Response:
        """Ask for something."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if isinstance(body, bytes):
            headers["content-type"] = "application/octet-stream"
            return await self.client.request(method, path, headers=headers, content=body, **more)
        return await self.client.request(method, path, headers=headers, json=body, **more)


@dataclass(frozen=True)
class People:
    """Makes people, and tokens for them."""

    database: Connection
    client: httpx2.AsyncClient

    @property
    def stranger(self) -> Person:
        """Somebody without a token."""
        return Person(self.client)

    async def a_person(
        self, roles: Mapping[int, Role] | None = None, scope: Scope = Scope.SESSION, name: str | None = None
    ) -> Person:
        """Begin a person with a role in some projects, and a token."""
        person = await self.database.fetchval("INSERT INTO person DEFAULT VALUES RETURNING id")
        volunteer = await self.database.fetchval(
            "INSERT INTO volunteer (person_id, name, name_key) VALUES ($1, $2, lower($2)) RETURNING id", person, name
        )
        for project, role in (roles or {}).items():
            await self.database.execute(
                "INSERT INTO member (project_id, person_id, role) VALUES ($1, $2, $3)", project, person, role
            )
        return await self.with_token(Person(self.client, None, volunteer, person), scope)

    async def with_token(
        self,
        person: Person,
        scope: Scope,
        project: int | None = None,
        reach: Role | None = None,
        ends: datetime | None = None,
    ) -> Person:
        """Give somebody another token."""
        token = new_token()
        await self.database.execute(
            "INSERT INTO token (sha256, scope, volunteer_id, project_id, source, reach, expires_at)"
            " VALUES ($1, $2, $3, $4, 'test', $5, $6)",
            sha256_of(token),
            scope,
            person.volunteer_id,
            project,
            reach,
            ends,
        )
        return Person(self.client, token, person.volunteer_id, person.person_id)

    async def a_project(self, slug: str, visibility: str = "public") -> int:
        """Begin a project."""
        number: int = await self.database.fetchval(
            "INSERT INTO project (slug, visibility) VALUES ($1, $2) RETURNING id", slug, visibility
        )
        return number
