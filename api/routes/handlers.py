"""Which handler answers which endpoint of the table."""

from typing import Final

from api.http.calls import Handlers
from api.routes import (
    classifications,
    decks,
    events,
    exports,
    imports,
    labels,
    projects,
    service,
    subjects,
    volunteers,
    webhooks,
)
from api.services.house import Services

HANDLERS: Final[Handlers[Services]] = {
    "submit_classifications": classifications.submit,
    "retract_classifications": classifications.retract,
    "deal_deck": decks.deal,
    "deal_named": decks.deal_named,
    "register_volunteer": volunteers.register,
    "me": volunteers.me,
    "list_projects": projects.index,
    "get_project": projects.get,
    "labels": labels.page,
    "events": events.page,
    "stream_events": events.stream,
    "get_event": events.get,
    "get_voevent": events.voevent,
    "add_webhook": webhooks.add,
    "list_webhooks": webhooks.index,
    "remove_webhook": webhooks.remove,
    "list_deliveries": webhooks.deliveries,
    "replay_webhook": webhooks.replay,
    "pause_webhook": webhooks.pause,
    "resume_webhook": webhooks.resume,
    "begin_upload": imports.begin_upload,
    "get_upload": imports.get_upload,
    "put_chunk": imports.put_chunk,
    "begin_import": imports.begin_import,
    "get_import": imports.get_import,
    "export_labels": exports.labels,
    "export_classifications": exports.classifications,
    "export_subjects": exports.subjects,
    "export_dictionary": exports.dictionary,
    "get_subject": subjects.get,
    "get_media": subjects.media,
    "openapi": service.openapi,
    "reference": service.reference,
    "list_problems": service.problems,
    "get_problem": service.problem,
    "health": service.health,
    "metrics": service.metrics,
}
