"""What can go wrong and is foreseen: one class per situation, its values as attributes and in the message.

Services raise these and know no HTTP. The table at the end says how each is told to a client; what is in no such table
is a fault of ours, answered with 500. Errors of accounts and of moderation have modules of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from mobile_schemas.problems import FieldProblemOut


class ChaffinchError(Exception):
    """A foreseen situation in which the service cannot do what it was asked."""

    fields: Sequence[FieldProblemOut] = ()
    """Everything wrong with the input, where it was the input."""


class CommandError(ChaffinchError):
    """A situation that only a command or a client of ours meets: said in a line, never told over HTTP."""


# Who asks


class NotAuthenticatedError(ChaffinchError):
    """No token, or none that is valid."""

    def __init__(self, why: str, *, token_sent: bool, which: str = "that registering gave you") -> None:
        super().__init__(f"{why}: send `Authorization: Bearer TOKEN` with the token {which}")
        self.why = why
        self.token_sent = token_sent


class NotAllowedError(ChaffinchError):
    """The token is valid, and does not reach so far."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class EndpointRefusedError(ChaffinchError):
    """Push messages are not sent to such an address; `fields` says what would be right."""

    def __init__(self, endpoint: str, why: str) -> None:
        super().__init__(f"push messages are not sent to {endpoint[:100]}: {why}")
        self.endpoint = endpoint
        self.fields = [
            FieldProblemOut(
                pointer="/endpoint", problem=why, remedy="the endpoint that the browser gave, at a push service"
            )
        ]


class LevelNotHeldError(ChaffinchError):
    """The workflow asks for a level that this person does not hold."""

    def __init__(self, workflow: int, needed: int, held: int) -> None:
        super().__init__(f"workflow {workflow} is for level {needed}, and you hold level {held} in its project")
        self.workflow = workflow
        self.needed = needed
        self.held = held


class BannedError(ChaffinchError):
    """The person is kept out of the project of this workflow."""

    def __init__(self, workflow: int) -> None:
        super().__init__(f"you are banned from the project of workflow {workflow}; its moderators decide for how long")
        self.workflow = workflow


# What is asked for


class UnknownProjectError(ChaffinchError):
    """There is no such project."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"there is no project {slug!r}; GET /v1/projects lists all")
        self.slug = slug


class UnknownWorkflowError(ChaffinchError):
    """There is no such workflow."""

    def __init__(self, workflow: int) -> None:
        super().__init__(f"there is no workflow {workflow}; GET /v1/projects/SLUG lists those of a project")
        self.workflow = workflow


class UnknownSubjectError(ChaffinchError):
    """There is no such subject."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"there is no subject {subject}")
        self.subject = subject


class UnknownSubjectsError(ChaffinchError):
    """Some of the named subjects are not among those of the project; `subjects` has them by their place in the list."""

    def __init__(self, subjects: Mapping[int, str]) -> None:
        super().__init__(f"{len(subjects)} of the subjects are not known in this project")
        self.subjects = subjects
        self.fields = [
            FieldProblemOut(
                pointer=f"/subjects/{place}", problem=f"{subject} is unknown", remedy="a subject of the project"
            )
            for place, subject in subjects.items()
        ]


class NotInWorkflowError(ChaffinchError):
    """The subject has no place in a workflow of this name; `workflows` names those in which it has."""

    def __init__(self, subject: str, workflow: str, workflows: Sequence[str]) -> None:
        others = f"it has one in {', '.join(workflows)}" if workflows else "nor has it one in another"
        super().__init__(f"{subject} has no place in a workflow {workflow!r}; {others}")
        self.subject = subject
        self.workflow = workflow
        self.workflows = workflows


class UnknownEventError(ChaffinchError):
    """The project has no event of this position."""

    def __init__(self, slug: str, position: int) -> None:
        super().__init__(f"{slug} has no event {position}; GET /v1/projects/{slug}/events lists those there are")
        self.slug = slug
        self.position = position


class UnknownWebhookError(ChaffinchError):
    """There is no such webhook, or it is another project's."""

    def __init__(self, webhook: int) -> None:
        super().__init__(f"there is no webhook {webhook}; GET /v1/projects/SLUG/webhooks lists those of a project")
        self.webhook = webhook


class UnknownUploadError(ChaffinchError):
    """There is no such upload, or it is another project's."""

    def __init__(self, upload: str) -> None:
        super().__init__(f"there is no upload {upload}; POST /v1/projects/SLUG/uploads begins one")
        self.upload = upload


class UnknownImportError(ChaffinchError):
    """There is no such import, or it is another project's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no import {number}; POST /v1/projects/SLUG/imports begins one")
        self.number = number


class UnknownSubscriptionError(ChaffinchError):
    """There is no such subscription to push messages, or it is another volunteer's."""

    def __init__(self, subscription: UUID) -> None:
        super().__init__(f"you have no subscription {subscription}; POST /v1/push/subscriptions begins one")
        self.subscription = subscription


class UnknownMediaError(ChaffinchError):
    """There is no such picture, or not in this width."""

    def __init__(self, digest: str, width: int) -> None:
        super().__init__(f"there is no picture {digest} of width {width}")
        self.digest = digest
        self.width = width


class UnknownVideoError(ChaffinchError):
    """There is no such video, or not of this kind."""

    def __init__(self, digest: str, kind: str) -> None:
        super().__init__(f"there is no video {digest} that is {kind}")
        self.digest = digest
        self.kind = kind


class UnknownVolunteerError(ChaffinchError):
    """There is no such volunteer."""

    def __init__(self, name_or_id: str) -> None:
        super().__init__(f"there is no volunteer {name_or_id!r}; give a name, or an id such as V7")
        self.name_or_id = name_or_id


class UnknownTokenError(ChaffinchError):
    """There is no such token."""

    def __init__(self) -> None:
        super().__init__("there is no such token; give the token itself, or the digits that `token list` shows")


class WorkflowRetiredError(ChaffinchError):
    """The workflow asks nobody any more."""

    def __init__(self, workflow: int) -> None:
        super().__init__(f"workflow {workflow} is retired; GET /v1/projects/SLUG lists those that are active")
        self.workflow = workflow


# What is in the way


class NameTakenError(ChaffinchError):
    """Somebody else has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name!r} is taken; choose another, or leave it out")
        self.name = name


class DeckKeyReusedError(ChaffinchError):
    """The idempotency key has served for another wish."""

    def __init__(self, key: UUID) -> None:
        super().__init__(f"the key {key} was used for another deck; make a new key for each new deck")
        self.key = key


class PublicationOvertakenError(ChaffinchError):
    """Another version was published since the one that was looked at."""

    def __init__(self, project: str, version: int) -> None:
        super().__init__(f"version {version} of {project} was published meanwhile; look at what differs from that")
        self.project = project
        self.version = version


class NoVOEventError(ChaffinchError):
    """The event cannot be told as a VOEvent, which is about a place in the sky."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"event {position} is no VOEvent: {why}; read it as JSON instead")
        self.position = position


class TooManyWebhooksError(ChaffinchError):
    """The project has as many webhooks as it may have."""

    def __init__(self, slug: str, most: int) -> None:
        super().__init__(f"{slug} has {most} webhooks, which is as many as it may have; remove one first")
        self.slug = slug
        self.most = most


class ChunkMisplacedError(ChaffinchError):
    """The chunk is not the next one of its upload: `received` is where that begins."""

    def __init__(self, offset: int, size_bytes: int, received: int, whole_bytes: int) -> None:
        super().__init__(
            f"bytes {offset} to {offset + size_bytes} do not follow: {received} of {whole_bytes} bytes are here; "
            f"send the chunk that begins at {received}"
        )
        self.offset = offset
        self.received = received
        self.whole_bytes = whole_bytes


class UploadContradictedError(ChaffinchError):
    """A file of the same name and SHA-256 was begun with another size."""

    def __init__(self, name: str, size_bytes: int) -> None:
        super().__init__(f"{name!r} with this SHA-256 was begun with {size_bytes} bytes; one of the two is wrong")
        self.name = name
        self.size_bytes = size_bytes


class UploadIncompleteError(ChaffinchError):
    """The file that is to be imported is not all here."""

    def __init__(self, received: int, whole_bytes: int) -> None:
        super().__init__(f"{received} of {whole_bytes} bytes of the upload are here; send the rest first")
        self.received = received
        self.whole_bytes = whole_bytes


class UnavailableError(ChaffinchError):
    """The service cannot answer just now; the same request may succeed later."""

    def __init__(self, why: str, retry_after_seconds: int) -> None:
        super().__init__(f"{why}; nothing is lost, send the same again")
        self.retry_after_seconds = retry_after_seconds


class DatabaseUnavailableError(UnavailableError):
    """The database does not answer."""

    def __init__(self, why: str = "the database does not answer", retry_after_seconds: int = 2) -> None:
        super().__init__(why, retry_after_seconds)


class StorageError(UnavailableError):
    """The store of pictures, uploads and archives does not answer, is full, or refuses.

    `place` and `reason` are for those who run the service; a client is not told.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__("the store of pictures and files does not answer", 5)
        self.place = place
        self.reason = reason

    def __reduce__(self) -> tuple[type["StorageError"], tuple[str, str]]:
        return type(self), (self.place, self.reason)  # it travels from a worker process to its parent


class OverloadedError(UnavailableError):
    """More work waits than can be done soon."""

    def __init__(self, why: str = "too much is waiting", retry_after_seconds: int = 1) -> None:
        super().__init__(why, retry_after_seconds)


# How it is asked


class UnknownPathError(ChaffinchError):
    """Nothing lives at the path; `fields` names the parameters that no path can have."""

    def __init__(self, path: str, fields: Sequence[FieldProblemOut] = ()) -> None:
        super().__init__(f"nothing lives at {path}; /docs shows all paths, /openapi.json too")
        self.path = path
        self.fields = fields


class ClientNotBuiltError(ChaffinchError):
    """The phone client has not been built in this installation."""

    def __init__(self) -> None:
        super().__init__("the phone client is not built here: run `make client` in a checkout; wheels carry it")


class MethodNotAllowedError(ChaffinchError):
    """The path does not know the method."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method} is not known here; this path knows {', '.join(allowed)}")
        self.method = method
        self.allowed = allowed


class NoSuchRangeError(ChaffinchError):
    """A part is asked for that lies behind the end."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"there are {size_bytes} bytes, numbered from 0; the part asked for begins behind them")
        self.size_bytes = size_bytes


class WrongMediaTypeError(ChaffinchError):
    """The body is said to be something other than what is taken here."""

    def __init__(self, given: str | None, right: str) -> None:
        said = "the body has no Content-Type" if given is None else f"the Content-Type is {given!r}"
        super().__init__(f"{said}; it must be {right}")
        self.given = given
        self.right = right


class BodyTooLargeError(ChaffinchError):
    """The body is larger than what is read."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes; send less at a time")
        self.limit_bytes = limit_bytes


class UploadTooLargeError(ChaffinchError):
    """The file is larger than the service takes."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"the file has {size_bytes} bytes; at most {limit_bytes} are taken, so send several archives")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class BrokenJsonError(ChaffinchError):
    """The body is not JSON; `where` says what was found, and at which line and column."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}; the body must be JSON (RFC 8259) in UTF-8, without a byte order mark")
        self.where = where


class InvalidInputError(ChaffinchError):
    """The body or the query does not fit its model; `fields` names what does not, `count` how much there is of it."""

    def __init__(self, fields: Sequence[FieldProblemOut], count: int) -> None:
        shown = "" if count == len(fields) else f", of which the first {len(fields)} are listed"
        super().__init__(f"{count} {'thing is' if count == 1 else 'things are'} wrong{shown}; nothing was stored")
        self.fields = fields
        self.count = count


# How it is told


@dataclass(frozen=True, slots=True)
class Kind:
    """How one class of errors is told: the HTTP status, the name in `type`, the title."""

    status: int
    name: str
    title: str


FAULT: Final = Kind(500, "internal-error", "Something went wrong on our side")
"""How an unforeseen exception is told."""

KINDS: Final[Mapping[type[ChaffinchError], Kind]] = {
    BrokenJsonError: Kind(400, "broken-json", "The body is not JSON"),
    NotAuthenticatedError: Kind(401, "not-authenticated", "A valid token is needed"),
    NotAllowedError: Kind(403, "not-allowed", "The token does not allow this"),
    EndpointRefusedError: Kind(403, "endpoint-refused", "Push messages are not sent to such an address"),
    BannedError: Kind(403, "banned", "You are banned from this project"),
    LevelNotHeldError: Kind(403, "level-not-held", "A higher level is needed"),
    UnknownPathError: Kind(404, "unknown-path", "Nothing lives here"),
    ClientNotBuiltError: Kind(404, "client-not-built", "The phone client is not built here"),
    UnknownProjectError: Kind(404, "unknown-project", "There is no such project"),
    UnknownWorkflowError: Kind(404, "unknown-workflow", "There is no such workflow"),
    UnknownSubjectError: Kind(404, "unknown-subject", "There is no such subject"),
    UnknownSubjectsError: Kind(404, "unknown-subjects", "Some subjects are not known"),
    UnknownVolunteerError: Kind(404, "unknown-volunteer", "There is no such volunteer"),
    UnknownTokenError: Kind(404, "unknown-token", "There is no such token"),
    NotInWorkflowError: Kind(404, "not-in-workflow", "The subject has no place in the workflow"),
    UnknownEventError: Kind(404, "unknown-event", "There is no such event"),
    UnknownWebhookError: Kind(404, "unknown-webhook", "There is no such webhook"),
    UnknownUploadError: Kind(404, "unknown-upload", "There is no such upload"),
    UnknownImportError: Kind(404, "unknown-import", "There is no such import"),
    UnknownSubscriptionError: Kind(404, "unknown-subscription", "There is no such subscription"),
    UnknownMediaError: Kind(404, "unknown-media", "There is no such picture"),
    UnknownVideoError: Kind(404, "unknown-video", "There is no such video"),
    MethodNotAllowedError: Kind(405, "method-not-allowed", "The method is not known here"),
    NameTakenError: Kind(409, "name-taken", "The name is taken"),
    DeckKeyReusedError: Kind(409, "deck-key-reused", "The key was used for another deck"),
    NoVOEventError: Kind(409, "no-voevent", "The event is about no place in the sky"),
    TooManyWebhooksError: Kind(409, "too-many-webhooks", "The project has too many webhooks"),
    ChunkMisplacedError: Kind(409, "chunk-misplaced", "The chunk is not the next one"),
    UploadContradictedError: Kind(409, "upload-contradicted", "The file was begun with another size"),
    UploadIncompleteError: Kind(409, "upload-incomplete", "The file is not all here"),
    PublicationOvertakenError: Kind(409, "publication-overtaken", "Another version was published meanwhile"),
    WorkflowRetiredError: Kind(410, "workflow-retired", "The workflow is retired"),
    BodyTooLargeError: Kind(413, "body-too-large", "The body is too large"),
    UploadTooLargeError: Kind(413, "upload-too-large", "The file is too large"),
    WrongMediaTypeError: Kind(415, "wrong-media-type", "The body is of another kind than is taken here"),
    NoSuchRangeError: Kind(416, "no-such-range", "There is less than that"),
    InvalidInputError: Kind(422, "invalid-input", "The input is not what it should be"),
    DatabaseUnavailableError: Kind(503, "database-unavailable", "The database does not answer"),
    StorageError: Kind(503, "storage-unavailable", "The store of pictures and files does not answer"),
    OverloadedError: Kind(503, "overloaded", "Too much is waiting"),
}
"""The foreseen errors of this module, in the order of the statuses; `api.http.kinds` has all."""
