"""The table of endpoints, from which the routes, their validation, the OpenAPI document and the clients are made."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from mobile_schemas.calibrations import CalibrationsOut, CalibrationsQuery
from mobile_schemas.classifications import ClassificationsIn, RetractionsIn, RetractionVerdictsOut, VerdictsOut
from mobile_schemas.decks import DealIn, DealOut, DeckIn, DeckOut, WorkflowPath
from mobile_schemas.events import EventOut, EventPath, EventsQuery, StreamQuery
from mobile_schemas.exports import DictionaryOut, ExportPath, ExportQuery, VotesExportQuery
from mobile_schemas.fields import Model
from mobile_schemas.health import HealthOut
from mobile_schemas.imports import ChunkPath, ImportIn, ImportOut, ImportPath, UploadIn, UploadOut, UploadPath
from mobile_schemas.labels import LabelOut, LabelsQuery
from mobile_schemas.pages import PagesOut, PagesQuery
from mobile_schemas.places import PlacedSubjectsOut, SubjectsQuery
from mobile_schemas.problems import ProblemPath
from mobile_schemas.progress import MyProjectOut, MyProjectQuery, ProgressOut
from mobile_schemas.projects import ProjectOut, ProjectPath, ProjectsOut
from mobile_schemas.push import PushKeyOut, PushSubscriptionIn, PushSubscriptionOut, PushSubscriptionPath, WishOut
from mobile_schemas.questions import QuestionsOut, QuestionsQuery
from mobile_schemas.subjects import MediaPath, SubjectOut, SubjectPath, VideoPath
from mobile_schemas.volunteers import MeOut, VolunteerCreatedOut, VolunteerIn
from mobile_schemas.webhooks import (
    DeliveriesOut,
    DeliveriesQuery,
    ReplayIn,
    WebhookCreatedOut,
    WebhookIn,
    WebhookOut,
    WebhookPath,
    WebhooksOut,
)
from mobile_schemas.why import WhyOut

Access = Literal["public", "volunteer", "researcher", "import"]
MediaType = Literal[
    "application/json",
    "application/octet-stream",
    "application/x-ndjson",
    "application/xml",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "text/event-stream",
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
]

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
EVENTS: Final = "text/event-stream"
HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
XML: Final = "application/xml"
NDJSON: Final = "application/x-ndjson"
WEBP: Final = "image/webp"
AVIF: Final = "image/avif"
MP4: Final = "video/mp4"
WEBM: Final = "video/webm"

CURSOR_HEADER: Final = "Chaffinch-Cursor"
"""Header of the label feed: the cursor to give as `after` next time."""

TABLE_MEDIA_TYPES: Final = (
    "text/csv; charset=utf-8",
    "application/x-ndjson",
    "application/vnd.apache.parquet",
    "application/x-votable+xml",
    "application/fits",
)
"""What a page of an export may be, by its format."""

PAGE_HEADERS: Final = {
    CURSOR_HEADER: "Give it as `after` next time, to read on where this page ends.",
    "Repr-Digest": "SHA-256 of the page (RFC 9530).",
    "Content-Disposition": "A name for the file.",
}

BODY_LIMIT_BYTES: Final = 200_000
"""The largest body that is read: five times a full batch of classifications with all fields at their longest.

The worst body of this size (nothing but unknown fields) takes 50 ms to refuse; of 1 MB it took 260 ms.
"""

CHUNK_LIMIT_BYTES: Final = 8_000_000
"""The largest chunk of an upload: some 8 s on a link of 1 MB/s, which is what a broken connection costs."""

PATH_PARAMETER: Final = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing that can be asked of the service.

    `path` has its parameters in braces; `parameters` is the model of them. `reply` is the model of the reply, of one
    line of it if `media_type` is NDJSON, of one event's data if it is EVENTS, and None where the bytes are not ours to
    describe; `other_media_types` are those that a handler may say instead. `body` is the model of a JSON body, or
    `bytes` for one that is taken as it is. Where `ranges` are known, a part of the reply can be had (206). `problems`
    are the statuses peculiar to this endpoint; `statuses` adds those that follow from its form.
    """

    name: str
    method: Literal["DELETE", "GET", "POST", "PUT"]
    path: str
    summary: str
    access: Access = "public"
    parameters: type[Model] | None = None
    query: type[Model] | None = None
    body: type[Model] | type[bytes] | None = None
    reply: type[Model] | None = None
    status: int = 200
    media_type: MediaType = JSON
    headers: dict[str, str] = field(default_factory=dict, hash=False)
    other_media_types: tuple[str, ...] = ()
    ranges: bool = False
    problems: tuple[int, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status of a problem that this endpoint can answer, in order."""
        found = {*self.problems, 422, 500, 503}
        if self.access != "public":
            found |= {401, 403}
        if self.parameters is not None:
            found.add(404)
        if self.body is not None:
            found |= {400, 413, 415}
        if self.ranges:
            found.add(416)
        return tuple(sorted(found))


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="submit_classifications",
        method="POST",
        path="/v1/classifications",
        summary="Send 1 to 100 answers; each gets its own verdict, and none is ever counted twice.",
        access="volunteer",
        body=ClassificationsIn,
        reply=VerdictsOut,
    ),
    Endpoint(
        name="deal_deck",
        method="POST",
        path="/v1/workflows/{workflow_id}/decks",
        summary="Ask for a deck of subjects that this person has not seen.",
        access="volunteer",
        parameters=WorkflowPath,
        body=DeckIn,
        reply=DeckOut,
        problems=(409, 410),
    ),
    Endpoint(
        name="retract_classifications",
        method="POST",
        path="/v1/retractions",
        summary="Take back 1 to 100 answers.",
        access="volunteer",
        body=RetractionsIn,
        reply=RetractionVerdictsOut,
    ),
    Endpoint(
        name="deal_named",
        method="POST",
        path="/v1/workflows/{workflow_id}/deals",
        summary="Deal cards of named subjects, to import answers that were given elsewhere.",
        access="import",
        parameters=WorkflowPath,
        body=DealIn,
        reply=DealOut,
        problems=(409, 410),
    ),
    Endpoint(
        name="register_volunteer",
        method="POST",
        path="/v1/volunteers",
        summary="Begin to take part, with or without a name.",
        body=VolunteerIn,
        reply=VolunteerCreatedOut,
        status=201,
        problems=(409,),
    ),
    Endpoint(
        name="me",
        method="GET",
        path="/v1/me",
        summary="Who the token belongs to, and the levels held.",
        access="volunteer",
        reply=MeOut,
    ),
    Endpoint(
        name="push_key",
        method="GET",
        path="/v1/push",
        summary="The key with which a browser subscribes to push messages of this service.",
        reply=PushKeyOut,
    ),
    Endpoint(
        name="subscribe_push",
        method="POST",
        path="/v1/push/subscriptions",
        summary="Be reached by push messages on this phone; the same endpoint again is renewed.",
        access="volunteer",
        body=PushSubscriptionIn,
        reply=PushSubscriptionOut,
        status=201,
    ),
    Endpoint(
        name="unsubscribe_push",
        method="DELETE",
        path="/v1/push/subscriptions/{id}",
        summary="Be reached on this phone no more; the answer is what it was.",
        access="volunteer",
        parameters=PushSubscriptionPath,
        reply=PushSubscriptionOut,
    ),
    Endpoint(
        name="ask_for_more",
        method="POST",
        path="/v1/workflows/{workflow_id}/wishes",
        summary="Ask to be told by a push message when there is more in a workflow for this person.",
        access="volunteer",
        parameters=WorkflowPath,
        reply=WishOut,
        status=201,
        problems=(410,),
    ),
    Endpoint(
        name="list_projects",
        method="GET",
        path="/v1/projects",
        summary="All projects.",
        reply=ProjectsOut,
    ),
    Endpoint(
        name="get_project",
        method="GET",
        path="/v1/projects/{slug}",
        summary="One project with its questions.",
        parameters=ProjectPath,
        reply=ProjectOut,
    ),
    Endpoint(
        name="get_pages",
        method="GET",
        path="/v1/projects/{slug}/pages",
        summary="What a project is about, its tutorial and its field guide, as HTML that is safe to show.",
        parameters=ProjectPath,
        query=PagesQuery,
        reply=PagesOut,
        headers={"ETag": "Send it as `If-None-Match`: the answer is 304, without content, while nothing has changed."},
    ),
    Endpoint(
        name="project_progress",
        method="GET",
        path="/v1/projects/{slug}/progress",
        summary="What a project has reached: its subjects by state, volunteers and votes.",
        parameters=ProjectPath,
        reply=ProgressOut,
    ),
    Endpoint(
        name="my_project",
        method="GET",
        path="/v1/me/projects/{slug}",
        summary="What your answers to a project have done, your streak, and the way to the next level.",
        access="volunteer",
        parameters=ProjectPath,
        query=MyProjectQuery,
        reply=MyProjectOut,
    ),
    Endpoint(
        name="labels",
        method="GET",
        path="/v1/projects/{slug}/labels",
        summary="Labels in the order in which they were made, one JSON object a line.",
        access="researcher",
        parameters=ProjectPath,
        query=LabelsQuery,
        reply=LabelOut,
        media_type=NDJSON,
        headers={CURSOR_HEADER: "Give it as `after` next time, to read on where this page ends."},
    ),
    Endpoint(
        name="events",
        method="GET",
        path="/v1/projects/{slug}/events",
        summary="What happened, in the order in which it was announced, one JSON object a line.",
        access="researcher",
        parameters=ProjectPath,
        query=EventsQuery,
        reply=EventOut,
        media_type=NDJSON,
        headers={CURSOR_HEADER: "Give it as `after` next time, to read on where this page ends."},
    ),
    Endpoint(
        name="stream_events",
        method="GET",
        path="/v1/projects/{slug}/events/stream",
        summary="What happens, as it happens: server-sent events, each with its position as `id`.",
        access="researcher",
        parameters=ProjectPath,
        query=StreamQuery,
        reply=EventOut,
        media_type=EVENTS,
    ),
    Endpoint(
        name="get_event",
        method="GET",
        path="/v1/projects/{slug}/events/{position}",
        summary="One event.",
        access="researcher",
        parameters=EventPath,
        reply=EventOut,
    ),
    Endpoint(
        name="get_voevent",
        method="GET",
        path="/v1/projects/{slug}/events/{position}/voevent",
        summary="A label of a subject with a place in the sky, as a VOEvent 2.0.",
        access="researcher",
        parameters=EventPath,
        media_type=XML,
        problems=(409,),
    ),
    Endpoint(
        name="list_calibrations",
        method="GET",
        path="/v1/projects/{slug}/calibrations",
        summary="What refits have learnt about the workflows of a project, the newest first.",
        access="researcher",
        parameters=ProjectPath,
        query=CalibrationsQuery,
        reply=CalibrationsOut,
    ),
    Endpoint(
        name="list_questions",
        method="GET",
        path="/v1/projects/{slug}/questions",
        summary="Which subjects to ask an expert about, why, and what gold the project needs.",
        access="researcher",
        parameters=ProjectPath,
        query=QuestionsQuery,
        reply=QuestionsOut,
    ),
    Endpoint(
        name="begin_upload",
        method="POST",
        path="/v1/projects/{slug}/uploads",
        summary="Begin to send a file in chunks; the same file again is the same upload, with how far it has come.",
        access="researcher",
        parameters=ProjectPath,
        body=UploadIn,
        reply=UploadOut,
        problems=(409,),
    ),
    Endpoint(
        name="get_upload",
        method="GET",
        path="/v1/uploads/{upload}",
        summary="How far an upload has come.",
        access="researcher",
        parameters=UploadPath,
        reply=UploadOut,
    ),
    Endpoint(
        name="put_chunk",
        method="PUT",
        path="/v1/uploads/{upload}/chunks/{offset}",
        summary="Send the part of a file that begins at a byte; one that is here already changes nothing.",
        access="researcher",
        parameters=ChunkPath,
        body=bytes,
        reply=UploadOut,
        problems=(409,),
    ),
    Endpoint(
        name="begin_import",
        method="POST",
        path="/v1/projects/{slug}/imports",
        summary="Import a file that was uploaded, or that is fetched from an address; the worker does it.",
        access="researcher",
        parameters=ProjectPath,
        body=ImportIn,
        reply=ImportOut,
        status=202,
        problems=(409,),
    ),
    Endpoint(
        name="get_import",
        method="GET",
        path="/v1/imports/{import_id}",
        summary="What became of an import so far, with the first rows that were skipped.",
        access="researcher",
        parameters=ImportPath,
        reply=ImportOut,
    ),
    Endpoint(
        name="add_webhook",
        method="POST",
        path="/v1/projects/{slug}/webhooks",
        summary="Have events posted to an address, from now on. The answer has the secret that signs them, this once.",
        access="researcher",
        parameters=ProjectPath,
        body=WebhookIn,
        reply=WebhookCreatedOut,
        status=201,
        problems=(409,),
    ),
    Endpoint(
        name="list_webhooks",
        method="GET",
        path="/v1/projects/{slug}/webhooks",
        summary="The webhooks of a project, and how far each has come.",
        access="researcher",
        parameters=ProjectPath,
        reply=WebhooksOut,
    ),
    Endpoint(
        name="remove_webhook",
        method="DELETE",
        path="/v1/webhooks/{webhook_id}",
        summary="Remove a webhook; the answer is what it was.",
        access="researcher",
        parameters=WebhookPath,
        reply=WebhookOut,
    ),
    Endpoint(
        name="list_deliveries",
        method="GET",
        path="/v1/webhooks/{webhook_id}/deliveries",
        summary="The newest attempts to post to a webhook, the newest first; the last 1,000 are kept.",
        access="researcher",
        parameters=WebhookPath,
        query=DeliveriesQuery,
        reply=DeliveriesOut,
    ),
    Endpoint(
        name="replay_webhook",
        method="POST",
        path="/v1/webhooks/{webhook_id}/replay",
        summary="Send the events after a position again.",
        access="researcher",
        parameters=WebhookPath,
        body=ReplayIn,
        reply=WebhookOut,
    ),
    Endpoint(
        name="pause_webhook",
        method="POST",
        path="/v1/webhooks/{webhook_id}/pause",
        summary="Post nothing to a webhook until it is resumed.",
        access="researcher",
        parameters=WebhookPath,
        reply=WebhookOut,
    ),
    Endpoint(
        name="resume_webhook",
        method="POST",
        path="/v1/webhooks/{webhook_id}/resume",
        summary="Go on with a webhook where it stopped.",
        access="researcher",
        parameters=WebhookPath,
        reply=WebhookOut,
    ),
    Endpoint(
        name="export_labels",
        method="GET",
        path="/v1/projects/{slug}/exports/labels",
        summary="A page of label revisions as a file, in the order of the feed.",
        access="researcher",
        parameters=ProjectPath,
        query=ExportQuery,
        media_type=BYTES,
        other_media_types=TABLE_MEDIA_TYPES,
        headers=PAGE_HEADERS,
    ),
    Endpoint(
        name="export_classifications",
        method="GET",
        path="/v1/projects/{slug}/exports/classifications",
        summary="A page of the vote log as a file, by time of arrival.",
        access="researcher",
        parameters=ProjectPath,
        query=VotesExportQuery,
        media_type=BYTES,
        other_media_types=TABLE_MEDIA_TYPES,
        headers=PAGE_HEADERS,
    ),
    Endpoint(
        name="export_subjects",
        method="GET",
        path="/v1/projects/{slug}/exports/subjects",
        summary="A page of subjects as a file, by number.",
        access="researcher",
        parameters=ProjectPath,
        query=ExportQuery,
        media_type=BYTES,
        other_media_types=TABLE_MEDIA_TYPES,
        headers=PAGE_HEADERS,
    ),
    Endpoint(
        name="export_dictionary",
        method="GET",
        path="/v1/projects/{slug}/exports/{table}/dictionary",
        summary="The columns of an export with type, unit and meaning, and the cascades behind its labels.",
        access="researcher",
        parameters=ExportPath,
        reply=DictionaryOut,
    ),
    Endpoint(
        name="list_subjects",
        method="GET",
        path="/v1/projects/{slug}/subjects",
        summary="Subjects with their positions and all their metadata: those in a cone, or all by number.",
        access="researcher",
        parameters=ProjectPath,
        query=SubjectsQuery,
        reply=PlacedSubjectsOut,
    ),
    Endpoint(
        name="get_subject",
        method="GET",
        path="/v1/subjects/{subject}",
        summary="A subject as anyone may see it.",
        parameters=SubjectPath,
        reply=SubjectOut,
    ),
    Endpoint(
        name="explain_subject",
        method="GET",
        path="/v1/subjects/{subject}/why",
        summary="Why a subject stands where it does: prior, each vote's weight, bounds, versions; in words, too.",
        access="researcher",
        parameters=SubjectPath,
        reply=WhyOut,
    ),
    Endpoint(
        name="get_media_webp",
        method="GET",
        path="/media/{digest}/{width}.webp",
        summary="A picture at one width, as WebP. It never changes.",
        parameters=MediaPath,
        media_type=WEBP,
    ),
    Endpoint(
        name="get_media_avif",
        method="GET",
        path="/media/{digest}/{width}.avif",
        summary="A picture at one width, as AVIF, if it was worth making. It never changes.",
        parameters=MediaPath,
        media_type=AVIF,
    ),
    Endpoint(
        name="get_video_mp4",
        method="GET",
        path="/media/{digest}/video.mp4",
        summary="A video that is MP4, whole or the part that Range asks for. It never changes.",
        parameters=VideoPath,
        media_type=MP4,
        ranges=True,
    ),
    Endpoint(
        name="get_video_webm",
        method="GET",
        path="/media/{digest}/video.webm",
        summary="A video that is WebM, whole or the part that Range asks for. It never changes.",
        parameters=VideoPath,
        media_type=WEBM,
        ranges=True,
    ),
    Endpoint(
        name="get_media",
        method="GET",
        path="/media/{digest}/{width}",
        summary="A picture at one width, as AVIF where Accept names that and there is one, else as WebP.",
        parameters=MediaPath,
        media_type=WEBP,
        other_media_types=(AVIF,),
    ),
    Endpoint(
        name="openapi",
        method="GET",
        path="/openapi.json",
        summary="This API, described (OpenAPI 3.1).",
    ),
    Endpoint(
        name="reference",
        method="GET",
        path="/docs",
        summary="This API as a page to read, complete in itself.",
        media_type=HTML,
    ),
    Endpoint(
        name="list_problems",
        method="GET",
        path="/problems",
        summary="Every type of problem, as a page to read.",
        media_type=HTML,
    ),
    Endpoint(
        name="get_problem",
        method="GET",
        path="/problems/{name}",
        summary="What a type of problem means. The `type` of a problem document leads here.",
        parameters=ProblemPath,
        media_type=HTML,
    ),
    Endpoint(
        name="health",
        method="GET",
        path="/health",
        summary="Whether the service and its database work.",
        reply=HealthOut,
    ),
    Endpoint(
        name="metrics",
        method="GET",
        path="/metrics",
        summary="What was counted, for Prometheus; the operator may ask for a token.",
        media_type=PLAIN,
        problems=(401,),
    ),
)
