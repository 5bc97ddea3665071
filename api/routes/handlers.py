"""Which handler answers which endpoint of the table."""

from typing import Final

from api.http.calls import Handlers
from api.routes import classifications, decks, labels, projects, service, subjects, volunteers
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
    "get_subject": subjects.get,
    "get_media": subjects.media,
    "openapi": service.openapi,
    "reference": service.reference,
    "list_problems": service.problems,
    "get_problem": service.problem,
    "health": service.health,
    "metrics": service.metrics,
}
