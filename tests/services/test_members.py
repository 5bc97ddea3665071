import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.caller import Role, Scope
from api.http.calls import Call
from api.routes.events import _is_welcome
from api.services.house import Services
from mobile_schemas.members import InvitationCreatedOut, InvitationIn, MemberOut, MembersOut
from mobile_schemas.projects import ProjectPath
from tests.services.people import People, Person

HERE, THERE = "lenses", "galaxies"


async def two_projects(people: People) -> tuple[int, int]:
    return await people.a_project(HERE), await people.a_project(THERE)


async def add_role(by: Person, who: Person, role: str, slug: str = HERE) -> int:
    return (await by.ask("PUT", f"/v1/projects/{slug}/members/{who.called}", {"role": role})).status_code


async def remove_role(by: Person, who: Person, role: str, slug: str = HERE) -> int:
    return (await by.ask("DELETE", f"/v1/projects/{slug}/members/{who.called}/{role}")).status_code


async def roles_of(people: People, who: Person, project: int) -> set[str]:
    rows = await people.database.fetch(
        "SELECT role FROM member WHERE person_id = $1 AND project_id = $2", who.person_id, project
    )
    return {row[0] for row in rows}


async def test_owners_give_roles_and_take_them_away_and_moderators_see_who_has_them(people: People) -> None:
    here, _ = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER}, name="Maria")
    helper = await people.a_person()

    given = await owner.ask("PUT", f"/v1/projects/{HERE}/members/{helper.called}", {"role": "moderator"})
    listed = MembersOut.model_validate_json((await helper.ask("GET", f"/v1/projects/{HERE}/members")).content)
    taken = await owner.ask("DELETE", f"/v1/projects/{HERE}/members/{helper.called}/moderator")
    afterwards = await helper.ask("GET", f"/v1/projects/{HERE}/members")

    assert [(each.role, each.added_by) for each in MemberOut.model_validate_json(given.content).roles] == [
        ("moderator", owner.called)
    ]
    assert [(each.name, [held.role for held in each.roles]) for each in listed.members] == [
        ("Maria", ["owner"]),
        (None, ["moderator"]),
    ]
    assert (MemberOut.model_validate_json(taken.content).roles, afterwards.status_code) == ([], 403)


async def test_members_are_listed_page_by_page(people: People) -> None:
    here, _ = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER})
    others = [await people.a_person({here: Role.VOLUNTEER}) for _ in range(4)]

    found, after = [], 0
    while True:
        page = await owner.ask("GET", f"/v1/projects/{HERE}/members", params={"after": after, "limit": 2})
        read = MembersOut.model_validate_json(page.content)
        found += [each.volunteer for each in read.members]
        if read.cursor is None:
            break
        after = read.cursor

    assert found == [each.called for each in (owner, *others)]


async def test_nobody_rises_by_a_path_a_body_or_a_lesser_token(people: People) -> None:
    here, there = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER})
    of_there = await people.a_person({there: Role.OWNER})
    moderator = await people.a_person({here: Role.MODERATOR})
    researcher = await people.a_person({here: Role.RESEARCHER})
    by_phone = await people.with_token(owner, Scope.VOLUNTEER)
    by_program = await people.with_token(owner, Scope.PERSONAL, reach=Role.OWNER)
    of_project = await people.with_token(await people.a_person(), Scope.RESEARCHER, project=here)

    for climber in (moderator, researcher, of_there, by_phone, by_program, of_project, await people.a_person()):
        assert await add_role(climber, moderator, "owner") == 403
        assert await remove_role(climber, owner, "owner") == 403
        assert (await climber.ask("POST", f"/v1/projects/{HERE}/invitations", {"role": "owner"})).status_code == 403
        assert (await climber.ask("POST", f"/v1/projects/{HERE}/tokens", {"scope": "researcher"})).status_code == 403
        hidden = await climber.ask("PUT", f"/v1/projects/{HERE}/visibility", {"visibility": "private"})
        assert hidden.status_code == 403
    assert await add_role(owner, moderator, "admin") == 422
    assert await roles_of(people, moderator, here) == {"moderator"}


async def test_a_removed_owner_is_refused_at_the_next_request(people: People) -> None:
    here, _ = await two_projects(people)
    first, second = [await people.a_person({here: Role.OWNER}) for _ in range(2)]

    assert await remove_role(first, second, "owner") == 200
    assert await add_role(second, second, "owner") == 403


async def test_the_last_owner_cannot_be_removed(people: People) -> None:
    here, _ = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER})

    refused = await owner.ask("DELETE", f"/v1/projects/{HERE}/members/{owner.called}/owner")

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-owner")
    assert await roles_of(people, owner, here) == {"owner"}


@pytest.mark.parametrize("oneself", [False, True])
async def test_of_two_owners_who_remove_an_owner_at_once_one_stays(people: People, oneself: bool) -> None:
    here, _ = await two_projects(people)
    for _ in range(10):
        await people.database.execute("DELETE FROM member")
        pair = [await people.a_person({here: Role.OWNER}) for _ in range(2)]
        targets = pair if oneself else pair[::-1]

        answers = await asyncio.gather(*(remove_role(by, who, "owner") for by, who in zip(pair, targets, strict=True)))

        assert sorted(answers) == [200, 409 if oneself else 403]
        assert await people.database.fetchval("SELECT count(*) FROM member WHERE role = 'owner'") == 1


async def test_a_link_lets_in_as_many_as_it_says_and_shows_its_secret_once(people: People) -> None:
    here, _ = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER})
    made = await owner.ask("POST", f"/v1/projects/{HERE}/invitations", {"role": "moderator", "uses": 2})
    invitation = InvitationCreatedOut.model_validate_json(made.content)
    comers = [await people.a_person() for _ in range(3)]

    joined = [await each.ask("POST", "/v1/invitations", {"secret": invitation.secret}) for each in comers]
    again = await comers[0].ask("POST", "/v1/invitations", {"secret": invitation.secret})
    listed = await owner.ask("GET", f"/v1/projects/{HERE}/invitations")

    assert invitation.path == f"/join#{invitation.secret}"
    assert [each.status_code for each in joined] == [200, 200, 404]
    assert joined[0].json() == {"project": HERE, "title": HERE, "role": "moderator", "already": False}
    assert (again.status_code, again.json()["already"]) == (200, True)
    assert (listed.json()["invitations"][0]["uses_left"], listed.json()["invitations"][0]["open"]) == (0, False)
    assert invitation.secret not in listed.text
    assert [await roles_of(people, each, here) for each in comers] == [{"moderator"}, {"moderator"}, set()]


async def test_of_two_who_come_at_once_for_the_last_use_one_is_let_in(people: People) -> None:
    here, _ = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER})
    for _ in range(10):
        made = (await owner.ask("POST", f"/v1/projects/{HERE}/invitations", {"role": "volunteer"})).json()
        comers = [await people.a_person() for _ in range(2)]

        joined = await asyncio.gather(
            *(each.ask("POST", "/v1/invitations", {"secret": made["secret"]}) for each in comers)
        )

        assert sorted(each.status_code for each in joined) == [200, 404]


async def test_a_link_that_is_over_revoked_or_made_up_tells_nothing_apart(people: People) -> None:
    here, there = await two_projects(people)
    owner = await people.a_person({here: Role.OWNER, there: Role.OWNER})
    over, revoked, _other = [(await owner.ask("POST", f"/v1/projects/{HERE}/invitations", {})).json() for _ in range(3)]
    await people.database.execute(
        "UPDATE invitation SET expires_at = now() WHERE encode(sha256, 'hex') LIKE $1 || '%'", over["id"]
    )
    elsewhere = await owner.ask("DELETE", f"/v1/projects/{THERE}/invitations/{revoked['id']}")
    assert elsewhere.status_code == 404
    assert (await owner.ask("DELETE", f"/v1/projects/{HERE}/invitations/{revoked['id']}")).status_code == 200
    comer = await people.a_person()

    answers = [
        await comer.ask("POST", "/v1/invitations", {"secret": secret})
        for secret in (over["secret"], revoked["secret"], "chi_" + "x" * 43)
    ]

    assert {each.status_code for each in answers} == {404}
    assert len({each.content for each in answers}) == 1
    assert await roles_of(people, comer, here) == set()


async def test_the_operator_invites_the_first_owner_before_anybody_has_an_account(
    people: People, services: Services
) -> None:
    await two_projects(people)
    made = await services.invitations.invite(None, HERE, InvitationIn(role="owner"))
    comer = await people.a_person()

    assert (await comer.ask("POST", "/v1/invitations", {"secret": made["secret"]})).json()["role"] == "owner"
    assert await add_role(comer, await people.a_person(), "moderator") == 200


async def test_a_phone_without_an_account_cannot_join(people: People) -> None:
    await two_projects(people)
    phone = await people.a_person(scope=Scope.VOLUNTEER)

    assert (await phone.ask("POST", "/v1/invitations", {"secret": "chi_" + "x" * 43})).status_code == 403


async def test_a_personal_token_does_no_more_than_its_person_may_its_reach_and_its_project(people: People) -> None:
    here, there = await two_projects(people)
    person = await people.a_person({here: Role.RESEARCHER, there: Role.MODERATOR})
    low = await people.with_token(person, Scope.PERSONAL, reach=Role.VOLUNTEER)
    bound = await people.with_token(person, Scope.PERSONAL, project=here, reach=Role.OWNER)
    ending = await people.with_token(
        person, Scope.PERSONAL, reach=Role.RESEARCHER, ends=datetime.now(UTC) - timedelta(seconds=1)
    )

    async def labels(by: Person, slug: str) -> int:
        return (await by.ask("GET", f"/v1/projects/{slug}/labels")).status_code

    async def members(by: Person, slug: str) -> int:
        return (await by.ask("GET", f"/v1/projects/{slug}/members")).status_code

    assert [await labels(by, HERE) for by in (person, low, bound, ending)] == [200, 403, 200, 401]
    assert [await members(by, THERE) for by in (person, low, bound)] == [200, 403, 403]
    await people.database.execute("DELETE FROM member WHERE project_id = $1", here)
    assert [await labels(by, HERE) for by in (person, bound)] == [403, 403]


async def test_tokens_are_made_listed_and_revoked_by_those_whose_they_are(people: People) -> None:
    here, _ = await two_projects(people)
    person, other = await people.a_person({here: Role.RESEARCHER}), await people.a_person()
    wanted = {"label": "my notebook", "reach": "researcher", "project": HERE, "expires_in_days": 7}

    made = (await person.ask("POST", "/v1/me/tokens", wanted)).json()
    used = await Person(people.client, made["token"]).ask("GET", f"/v1/projects/{HERE}/labels")
    listed = (await person.ask("GET", "/v1/me/tokens")).json()["tokens"]
    [mine] = [each for each in listed if each["id"] == made["id"]]

    assert used.status_code == 200
    assert (mine["label"], mine["reach"], mine["project"], mine["scope"]) == (
        "my notebook",
        "researcher",
        HERE,
        "personal",
    )
    assert mine["last_used_at"] is not None
    assert made["token"] not in str(listed)
    assert (await other.ask("DELETE", f"/v1/me/tokens/{made['id']}")).status_code == 404
    assert (await person.ask("DELETE", f"/v1/me/tokens/{made['id']}")).json()["label"] == "my notebook"
    assert (await Person(people.client, made["token"]).ask("GET", f"/v1/projects/{HERE}/labels")).status_code == 401


async def test_owners_make_tokens_for_programs_and_a_bot_is_told_of_events_alone(people: People) -> None:
    here, there = await two_projects(people)
    owner, of_there = await people.a_person({here: Role.OWNER}), await people.a_person({there: Role.OWNER})

    made = (await owner.ask("POST", f"/v1/projects/{HERE}/tokens", {"scope": "bot", "label": "discord"})).json()
    bot = Person(people.client, made["token"])
    listed = (await owner.ask("GET", f"/v1/projects/{HERE}/tokens")).json()["tokens"]

    assert [(each["id"], each["label"]) for each in listed] == [(made["id"], "discord")]
    assert [(await bot.ask("GET", f"/v1/projects/{slug}/events")).status_code for slug in (HERE, THERE)] == [200, 403]
    assert (await bot.ask("GET", f"/v1/projects/{HERE}/labels")).status_code == 403
    assert (await of_there.ask("DELETE", f"/v1/projects/{THERE}/tokens/{made['id']}")).status_code == 404
    assert (await owner.ask("DELETE", f"/v1/projects/{HERE}/tokens/{made['id']}")).status_code == 200
    assert (await bot.ask("GET", f"/v1/projects/{HERE}/events")).status_code == 401


async def test_a_stream_ends_for_whoever_loses_the_role(people: People, services: Services) -> None:
    here, _ = await two_projects(people)
    person = await people.a_person({here: Role.RESEARCHER})
    headers = [(b"authorization", f"Bearer {person.token}".encode())]
    call = Call(ProjectPath(slug=HERE), None, None, None, headers)

    before = await _is_welcome(services, call)
    await people.database.execute("DELETE FROM member")

    assert (before, await _is_welcome(services, call)) == (True, False)


async def test_a_token_of_one_project_opens_nothing_of_another(people: People) -> None:
    here, _ = await two_projects(people)
    foreign = await people.with_token(await people.a_person(), Scope.RESEARCHER, project=here)
    for path in ("labels", "events", "calibrations", "questions", "webhooks", "subjects", "exports/labels"):
        assert (await foreign.ask("GET", f"/v1/projects/{THERE}/{path}")).status_code == 403, path
