"""Accounts: everything that is kept about somebody, for them to take along, and the end of an account.

What is kept is told line by line: a few lines of each kind, and one for each card, read in pages, so that a person of a
million votes costs no more memory than one of ten. The last line says that nothing is missing.

An account that is deleted leaves its votes, which belong to the labels that they made, under the number of a volunteer
whom nothing leads to: no name, no way in, no role. Whoever deletes it twice at once is told the same twice.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from json import loads
from typing import Any, Final

from pydantic_core import to_json

from api.account_errors import LastOwnerError, NotConfirmedError
from api.caller import Caller
from api.services.names import compared
from api.services.people import find_volunteer
from api.services.reachable import reachable
from api.services.tokens import Tokens
from api.services.verdicts import COUNTED
from api.store.accounts import KINDS, AccountCard, AccountStore, read_cards, read_facts
from api.store.engine import Pool
from api.store.members import MemberStore
from api.store.projects import ProjectStore
from api.store.sessions import Session, Sessions
from api.store.volunteers import VolunteerStore
from cascade.vocabulary import Answer, Exclusion
from mobile_schemas.subjects import subject_id
from mobile_schemas.volunteers import volunteer_id

PAGE: Final = 1_000
"""Cards that are read at a time."""

Line = tuple[str, Mapping[str, Any]]


class Accounts:
    """Tells people what is kept about them, and lets them leave."""

    def __init__(self, pool: Pool, sessions: Sessions, tokens: Tokens) -> None:
        self._pool = pool
        self._sessions = sessions
        self._tokens = tokens

    async def export(self, person_id: int) -> AsyncGenerator[bytes, None]:
        """Return all that is kept about a person as lines of JSON (`mobile_schemas.accounts.AccountLineOut`)."""
        lines = await self._facts(person_id)
        return self._pour(person_id, lines)

    @reachable
    async def _facts(self, person_id: int) -> list[Line]:
        async with self._pool.acquire() as connection:
            return [(kind, _plain(each)) for kind in KINDS for each in await read_facts(connection, person_id, kind)]

    @reachable
    async def _cards(self, person_id: int, after: tuple[int, int]) -> list[AccountCard]:
        async with self._pool.acquire() as connection:
            return await read_cards(connection, person_id, after, PAGE)

    async def _pour(self, person_id: int, lines: Sequence[Line]) -> AsyncGenerator[bytes, None]:
        yield b"".join(_line(*each) for each in lines)
        after, cards = (0, 0), 0
        while page := await self._cards(person_id, after):
            yield b"".join(_line("card", _card(each)) for each in page)
            after, cards = (page[-1].workflow_id, page[-1].subject_id), cards + len(page)
        yield _line("end", {"cards": cards})

    @reachable
    async def delete(self, caller: Caller, confirm: str) -> dict[str, Any]:
        """Delete the account of whoever asks.

        Raises
        ------
        NotConfirmedError
            What confirms it is neither their name nor their id.
        LastOwnerError
            Projects would be left without an owner.
        """
        called = volunteer_id(caller.volunteer_id)
        async with self._sessions.begin() as session:
            await VolunteerStore(session).hold(caller.person_id)
            left = await AccountStore(session).volunteers(caller.person_id)
            names = {row.name_key for row in left if row.name_key}
            if left and confirm != called and compared(confirm) not in names:
                raise NotConfirmedError(f"your name, or {called}")
            if left:
                await _erase(session, caller.person_id)
        self._tokens.forget_person(caller.person_id)
        return {"volunteer": called, "deleted": True}

    async def person_of(self, name_or_id: str) -> tuple[str, int]:
        """Return the public id and the person of a volunteer, for operators. Raises UnknownVolunteerError."""
        async with self._sessions.begin() as session:
            volunteer = await find_volunteer(VolunteerStore(session), name_or_id)
        return volunteer_id(volunteer.id), volunteer.person_id

    @reachable
    async def delete_person(self, name_or_id: str) -> str:
        """Delete an account for an operator; return its public id. Raises UnknownVolunteerError, LastOwnerError."""
        async with self._sessions.begin() as session:
            volunteer = await find_volunteer(VolunteerStore(session), name_or_id)
            await VolunteerStore(session).hold(volunteer.person_id)
            await _erase(session, volunteer.person_id)
        return volunteer_id(volunteer.id)


async def _erase(session: Session, person_id: int) -> None:
    store = AccountStore(session)
    owners = await MemberStore(session).lock_owners(await store.owned(person_id))
    alone = [number for number, persons in owners.items() if persons == [person_id]]
    if alone:
        projects = [await ProjectStore(session).by_number(number) for number in alone]
        raise LastOwnerError(sorted(each.slug for each in projects if each is not None))
    await store.erase(person_id)


def _plain(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return facts with the evidence of promotions, which the database gives as text, as it is."""
    evidence = facts.get("evidence")
    return facts if evidence is None else {**facts, "evidence": loads(evidence)}


def _line(kind: str, facts: Mapping[str, Any]) -> bytes:
    return to_json({"kind": kind, "facts": facts}) + b"\n"


def _card(card: AccountCard) -> dict[str, Any]:
    counted = card.exclusion in COUNTED
    return {
        "workflow": card.workflow_id,
        "subject": subject_id(card.subject_id),
        "volunteer": volunteer_id(card.volunteer_id),
        "dealt_at": card.dealt_at,
        "accepted_until": card.accepted_until,
        "id": card.client_id,
        "answer": None if card.answer is None else Answer(card.answer).word,
        "flag": card.flag,
        "received_at": card.received_at,
        "counted": None if card.exclusion is None else counted,
        "reason": None if card.exclusion is None or counted else Exclusion(card.exclusion).word,
        "right_answer": None if card.truth is None else Answer(card.truth).word,
    }
