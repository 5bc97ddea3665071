"""Members: who may do what in a project."""

from sqlalchemy.dialects.postgresql import insert

from api.store.sessions import Session
from api.store.tables import MemberRow


class MemberStore:
    """Adds members."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, project_id: int, person_id: int, role: str, added_by: int | None = None) -> bool:
        """Give a person a role in a project; say whether they did not have it before."""
        member = insert(MemberRow).values(project_id=project_id, person_id=person_id, role=role, added_by=added_by)
        added = await self._session.exec(member.on_conflict_do_nothing())
        return added.rowcount == 1
