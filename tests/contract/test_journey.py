"""One volunteer's and one researcher's way through the whole API; every reply is what the table says."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from api.postgres.home import Home
from api.postgres.probe import execute
from mobile_schemas.endpoint import BYTES, CURSOR_HEADER, NDJSON
from mobile_schemas.endpoints import ENDPOINTS
from mobile_schemas.problems import ProblemOut
from tests.contract.board_journey import look_at_boards
from tests.contract.campaign import GOLD, MERGING, ORIGIN, SLUG, SUBJECTS, TIDAL, Campaign
from tests.contract.desk_journey import moderate
from tests.contract.formats import uuid7
from tests.contract.login_journey import log_in_and_out
from tests.contract.members_journey import run_a_project

TABLE = {endpoint.name: endpoint for endpoint in ENDPOINTS}


class Traveller:
    """Calls endpoints by their names, and checks each reply against the table."""

    def __init__(self, client: httpx2.Client, campaign: Campaign) -> None:
        self._client = client
        self._campaign = campaign
        self.asked: set[str] = set()

    def ask(self, name: str, /, json: object = None, token: str | None = None, **parameters: Any) -> httpx2.Response:
        endpoint = TABLE[name]
        self.asked.add(name)
        headers = {"authorization": f"Bearer {token}"} if token else self._campaign.headers(endpoint.access)
        path, query = endpoint.path.format(**parameters), parameters.get("query")
        sent = {"content": json} if isinstance(json, bytes) else {"json": json}
        if isinstance(json, bytes):
            headers = {**headers, "content-type": BYTES}
        response = self._client.request(endpoint.method, path, params=query, headers=headers, **sent)
        if response.status_code != endpoint.status:
            assert response.status_code in endpoint.statuses
            ProblemOut.model_validate_json(response.content)
            return response
        kinds = {endpoint.media_type, *endpoint.other_media_types}
        assert name == "metrics" or response.headers["content-type"] in kinds  # its version is Prometheus' business
        if endpoint.reply is not None:
            for line in response.content.splitlines() if endpoint.media_type == NDJSON else [response.content]:
                endpoint.reply.model_validate_json(line)
        return response

    def stream(self, name: str, lines: int, **parameters: object) -> list[str]:
        """Return the first lines of a reply that goes on."""
        endpoint = TABLE[name]
        self.asked.add(name)
        headers = self._campaign.headers(endpoint.access)
        with self._client.stream(endpoint.method, endpoint.path.format(**parameters), headers=headers) as response:
            assert (response.status_code, response.headers["content-type"]) == (200, endpoint.media_type)
            return [line for _, line in zip(range(lines), response.iter_lines(), strict=False)]


@pytest.fixture
def traveller(campaign: Campaign, server_home: Home) -> Iterator[Traveller]:
    # What other tests were dealt and have not answered is on its way for 15 minutes: let that time be over. What they
    # have tried on the project, its people and their tokens is undone.
    for statement in (
        "UPDATE stage SET in_flight = 0, reserved_until = NULL",
        "UPDATE project SET visibility = 'public'",
        "UPDATE token SET revoked_at = NULL WHERE scope = 'session'",
        "DELETE FROM ban",
    ):
        execute(server_home.run, "contract", statement)
    execute(server_home.run, "contract", "UPDATE project SET visibility = 'public'")  # they may have set it, too
    with httpx2.Client(base_url=campaign.url) as client:
        yield Traveller(client, campaign)


def a_swipe(workflow: int, subject: str, **changes: object) -> dict[str, Any]:
    swipe = {
        "id": uuid7(time.time_ns() // 1_000_000, uuid.uuid4().int >> 54),
        "workflow": workflow,
        "subject": subject,
        "answer": "yes",
        "answered_at": datetime.now(UTC).isoformat(),
        "dwell_ms": 900,
    }
    return {**swipe, **changes}


def test_the_whole_api_in_one_journey(traveller: Traveller) -> None:
    traveller.ask("health")
    assert SLUG in {project["slug"] for project in traveller.ask("list_projects").json()["projects"]}
    workflow = traveller.ask("get_project", slug=SLUG).json()["workflows"][0]
    me = traveller.ask("register_volunteer", {"name": "William Herschel"}).json()
    token = me["token"]
    assert traveller.ask("me", token=token).json()["volunteer"] == me["volunteer"]

    wish_for_more(traveller, token, workflow["id"])
    wish = {"key": str(uuid.uuid4()), "size": 20, "width": 320}
    deck = traveller.ask("deal_deck", wish, token, workflow_id=workflow["id"]).json()
    assert traveller.ask("deal_deck", wish, token, workflow_id=workflow["id"]).json() == deck
    card = deck["cards"][0]
    assert card["metadata"] == {"field": "deep"}
    seen = traveller.ask("get_subject", subject=card["subject"]).json()
    assert (seen["project"], seen["metadata"]) == (SLUG, {"field": "deep"})
    digest, width = card["locations"][0]["url"].removeprefix("/media/").split("/")
    picture = traveller.ask("get_media", digest=digest, width=width)
    assert len(picture.content) == card["locations"][0]["bytes"]
    assert traveller.ask("get_media_webp", digest=digest, width=width).content == picture.content
    traveller.ask("get_media_avif", digest=digest, width=width)
    for video in ("get_video_mp4", "get_video_webm"):
        assert traveller.ask(video, digest=digest).status_code == 404
    assert picture.headers["cache-control"] == "public, max-age=31536000, immutable"

    swipes = [a_swipe(workflow["id"], card["subject"]) for card in deck["cards"]]
    verdicts = traveller.ask("submit_classifications", {"classifications": swipes}, token).json()["verdicts"]
    assert [verdict["id"] for verdict in verdicts] == [swipe["id"] for swipe in swipes]
    assert {verdict["verdict"] for verdict in verdicts} == {"created"}
    assert any(verdict.get("feedback") for verdict in verdicts)
    again = traveller.ask("submit_classifications", {"classifications": swipes[::-1]}, token).json()["verdicts"]
    assert [verdict["verdict"] for verdict in again] == ["duplicate"] * len(swipes)
    assert [verdict.get("feedback") for verdict in again[::-1]] == [v.get("feedback") for v in verdicts]
    undo = {"retractions": [{"id": swipe["id"]} for swipe in swipes]}
    assert {
        verdict["verdict"] for verdict in traveller.ask("retract_classifications", undo, token).json()["verdicts"]
    } == {
        "retracted",
        "rejected",
    }

    trained = sum("feedback" in verdict for verdict in verdicts)
    read_what_was_reached(traveller, token, trained)

    named = {"key": str(uuid.uuid4()), "subjects": ["S1", "S2"]}
    assert len(traveller.ask("deal_named", named, workflow_id=workflow["id"]).json()["cards"]) == 2
    labels = traveller.ask("labels", slug=SLUG)
    assert len(labels.text.splitlines()) >= 1
    assert int(labels.headers[CURSOR_HEADER]) >= 1
    read_what_people_are_told(traveller)
    find_subjects(traveller)
    follow_events(traveller)
    send_scores(traveller)
    take_exports(traveller)
    look_at_calibrations(traveller)
    look_at_questions(traveller)
    ask_why(traveller, card["subject"])
    read_pages(traveller)
    be_among_people(traveller, me, card["subject"])
    traveller.ask("openapi")
    assert traveller.asked == set(TABLE)


def be_among_people(traveller: Traveller, me: dict[str, Any], subject: str) -> None:
    """Stand on boards, be promoted, and run a project with others."""
    look_at_boards(traveller, me["token"])
    moderate(traveller, me["volunteer"], me["token"], subject)
    run_a_project(traveller)
    log_in_and_out(traveller, ORIGIN)


def wish_for_more(traveller: Traveller, token: str, workflow: int) -> None:
    """Subscribe to messages, ask to be told of more, and end it."""
    key = traveller.ask("push_key").json()["public_key"]
    browser = {"endpoint": "https://push.example.org/send/1", "p256dh": key, "auth": "A" * 22, "language": "es-MX"}
    number = traveller.ask("subscribe_push", browser, token).json()["id"]
    assert traveller.ask("ask_for_more", token=token, workflow_id=workflow).json()["workflow"] == workflow
    assert traveller.ask("unsubscribe_push", id=number).status_code == 404
    assert traveller.ask("unsubscribe_push", token=token, id=number).json() == {"id": number}


def read_what_was_reached(traveller: Traveller, token: str, trained: int) -> None:
    """Read how far the project is, and what came of one's own swipes."""
    reached = traveller.ask("project_progress", slug=SLUG).json()
    assert [each["name"] for each in reached["workflows"]] == ["galaxy", "arms", "merging"]
    mine = traveller.ask("my_project", token=token, slug=SLUG, query={"utc_offset_minutes": 60}).json()
    training = mine["workflows"][0]["training"]
    assert sum(training.values()) == trained
    assert (mine["next_level"]["level"], mine["next_level"]["workflows"]) == (2, ["merging"])


def read_what_people_are_told(traveller: Traveller) -> None:
    """Read the pages of the project, and again what the list shows of them."""
    told = traveller.ask("get_pages", slug=SLUG, query={"width": 320}).json()
    [entry] = told["guide"]
    [listed] = [each for each in traveller.ask("list_projects").json()["projects"] if each["slug"] == SLUG]
    assert (entry["title"], entry["example"]) == ("Galaxies", {"workflow": "galaxy", "answer": "yes"})
    assert (entry["html"], entry["picture_alt"]) == ("<p>They are <strong>soft</strong>.</p>", "A galaxy")
    assert entry["picture"]["url"] in told["about"]
    assert (listed["summary"], listed["picture"]["blurhash"]) == ("We count galaxies.", entry["picture"]["blurhash"])


def find_subjects(traveller: Traveller) -> None:
    """Look for subjects in the sky, and go through all of them."""
    cone = {"near": "189.2,+62.2", "radius": "2.5arcsec"}
    found = traveller.ask("list_subjects", slug=SLUG, query=cone).json()
    assert [each["external_id"] for each in found["subjects"]] == ["g0", "g1", "g2"]
    assert [round(each["separation_arcsec"], 2) for each in found["subjects"]] == [0, 1, 2]
    assert "#seed" in found["subjects"][0]["metadata"]
    page = traveller.ask("list_subjects", slug=SLUG, query={"limit": SUBJECTS - 1}).json()
    rest = traveller.ask("list_subjects", slug=SLUG, query={"after": page["cursor"]}).json()
    assert (len(rest["subjects"]), rest["subjects"][0]["position"], rest["complete"]) == (1, None, True)


def follow_events(traveller: Traveller) -> None:
    """Read events in every way, and have them posted."""
    events = traveller.ask("events", slug=SLUG)
    first = json.loads(events.text.splitlines()[0])
    assert int(events.headers[CURSOR_HEADER]) >= first["position"]
    assert traveller.ask("get_event", slug=SLUG, position=first["position"]).json() == first
    assert traveller.ask("get_voevent", slug=SLUG, position=first["position"]).json()["type"] == "/problems/no-voevent"
    assert traveller.stream("stream_events", 4, slug=SLUG) == ["retry: 1000", ": alive", f"id: {cursor(events)}", ""]
    hook = traveller.ask("add_webhook", {"url": "https://observatory.example/hook"}, slug=SLUG).json()
    assert hook["position"] == cursor(events)
    number = hook["id"]
    assert number in {each["id"] for each in traveller.ask("list_webhooks", slug=SLUG).json()["webhooks"]}
    assert traveller.ask("replay_webhook", {"after": 0}, webhook_id=number).json()["position"] == 0
    assert traveller.ask("pause_webhook", webhook_id=number).json()["why_paused"] == "paused by hand"
    assert traveller.ask("resume_webhook", webhook_id=number).json()["paused_at"] is None
    assert traveller.ask("list_deliveries", webhook_id=number).json() == {"deliveries": []}
    traveller.ask("remove_webhook", webhook_id=number)
    assert traveller.ask("remove_webhook", webhook_id=number).json()["type"] == "/problems/unknown-webhook"


def send_scores(traveller: Traveller) -> None:
    """Send a file in two chunks, the first twice, and have it imported."""
    content = b"external_id,score\ng0,0.25\n"
    file = {"name": "scores.csv", "bytes": len(content), "sha256": sha256(content).hexdigest()}
    upload = traveller.ask("begin_upload", file, slug=SLUG).json()["upload"]
    assert traveller.ask("put_chunk", content[10:], upload=upload, offset=10).status_code == 409
    for offset, until in ((0, 10), (0, 10), (10, len(content))):
        sent = traveller.ask("put_chunk", content[offset:until], upload=upload, offset=offset).json()
        assert sent["received"] == until
    assert traveller.ask("get_upload", upload=upload).json() == sent
    wish = {"source": {"upload": upload}, "content": {"kind": "scores", "name": "cnn", "model": "0" * 64}}
    begun = traveller.ask("begin_import", wish, slug=SLUG).json()
    assert traveller.ask("get_import", import_id=begun["id"]).json()["state"] in {"waiting", "running", "done"}


def take_exports(traveller: Traveller) -> None:
    """Take a page of each table, with the columns that its dictionary names."""
    for name, table in (
        ("export_labels", "labels"),
        ("export_classifications", "classifications"),
        ("export_subjects", "subjects"),
    ):
        columns = traveller.ask("export_dictionary", slug=SLUG, table=table).json()["columns"]
        page = traveller.ask(name, slug=SLUG, query={"limit": 2})
        assert page.text.splitlines()[0] == ",".join(column["name"] for column in columns)
        assert page.headers["repr-digest"].startswith("sha-256=:")


def ask_why(traveller: Traveller, subject: str) -> None:
    """Ask why a subject stands where it does: the votes on it were taken back."""
    told = traveller.ask("explain_subject", subject=subject).json()
    assert (told["subject"], told["project"]) == (subject, SLUG)
    assert all(stage["in_words"] and not stage["discrepancies"] for stage in told["workflows"])


def look_at_calibrations(traveller: Traveller) -> None:
    """See what refits have learnt: nothing yet, since none has been."""
    page = traveller.ask("list_calibrations", slug=SLUG).json()
    assert page == {"calibrations": [], "complete": True, "cursor": None}


def look_at_questions(traveller: Traveller) -> None:
    """See what to ask experts."""
    asked = traveller.ask("list_questions", slug=SLUG, query={"count": 2}).json()["workflows"]
    assert [each["workflow_name"] for each in asked] == ["galaxy", "arms", "merging"]
    assert (asked[0]["gold_yes"], asked[0]["advice"]) == (GOLD, [])
    unknown = traveller.ask("list_questions", slug=SLUG, query={"workflow": TIDAL})
    assert unknown.json()["type"].endswith("unknown-workflow")


def read_pages(traveller: Traveller) -> None:
    """Read what is there for people, and what is there for Prometheus."""
    assert "submit_classifications" in traveller.ask("reference").text
    assert "/problems/unknown-project" in traveller.ask("list_problems").text
    assert "unknown-project" in traveller.ask("get_problem", name="unknown-project").text
    assert "chaffinch_swipes_total" in traveller.ask("metrics").text


def cursor(page: httpx2.Response) -> int:
    return int(page.headers[CURSOR_HEADER])


def test_wrong_swipes_get_a_verdict_that_names_the_field(traveller: Traveller) -> None:
    workflow = traveller.ask("get_project", slug=SLUG).json()["workflows"][0]["id"]
    mine, other = (traveller.ask("register_volunteer", {}).json()["token"] for _ in range(2))
    deal = {"key": str(uuid.uuid4()), "size": 3, "width": 320}
    subjects = [
        card["subject"] for card in traveller.ask("deal_deck", deal, mine, workflow_id=workflow).json()["cards"]
    ]
    good = a_swipe(workflow, subjects[0])
    traveller.ask("submit_classifications", {"classifications": [good]}, mine)

    wrong = {
        "another person's card": (a_swipe(workflow, subjects[1]), other, "never_dealt", "subject"),
        "a subject that is not": (a_swipe(workflow, f"S{SUBJECTS + 1000}"), mine, "unknown_subject", "subject"),
        "a workflow that is not": (a_swipe(2**31 - 1, subjects[1]), mine, "unknown_workflow", "workflow"),
        "an id for another card": (a_swipe(workflow, subjects[1], id=good["id"]), mine, "id_reused", "id"),
        "a second answer": (a_swipe(workflow, subjects[0]), mine, "already_answered", "subject"),
    }
    for situation, (swipe, token, reason, field) in wrong.items():
        reply = traveller.ask("submit_classifications", {"classifications": [swipe]}, token)
        [verdict] = reply.json()["verdicts"]
        assert (verdict["verdict"], verdict["reason"], verdict["field"]) == ("rejected", reason, field), situation
        assert verdict["detail"]


def test_what_is_not_there_or_not_for_you_is_a_problem(traveller: Traveller, campaign: Campaign) -> None:
    deal = {"key": str(uuid.uuid4()), "size": 3, "width": 320}

    problems = {
        "unknown-project": traveller.ask("get_project", slug="no-such"),
        "unknown-subject": traveller.ask("get_subject", subject="S999999"),
        "unknown-media": traveller.ask("get_media", digest="0" * 64, width=320),
        "unknown-video": traveller.ask("get_video_mp4", digest="0" * 64),
        "unknown-workflow": traveller.ask("deal_deck", deal, workflow_id=2**31 - 1),
        "workflow-retired": traveller.ask("deal_deck", deal, workflow_id=TIDAL),
        "level-not-held": traveller.ask("deal_deck", deal, workflow_id=MERGING),
        "not-allowed": traveller.ask("labels", slug=SLUG, token=campaign.tokens["volunteer"]),
        "not-authenticated": traveller.ask("me", token="chf_never_issued"),
        "unknown-subjects": traveller.ask(
            "deal_named", {"key": str(uuid.uuid4()), "subjects": ["S999999"]}, workflow_id=1
        ),
    }

    assert {name: reply.json()["type"] for name, reply in problems.items()} == {
        name: f"/problems/{name}" for name in problems
    }


def test_a_taken_name_is_taken_in_any_case(traveller: Traveller) -> None:
    traveller.ask("register_volunteer", {"name": "Édouard"})
    again = traveller.ask("register_volunteer", {"name": "éDOUARD"})

    assert (again.status_code, again.json()["type"]) == (409, "/problems/name-taken")
