"""The label feed."""

from pydantic_core import to_json

from api.http.calls import Answer, Call, Reply
from api.services.house import Services
from mobile_schemas.endpoint import CURSOR_HEADER
from mobile_schemas.labels import LabelsQuery
from mobile_schemas.projects import ProjectPath


async def page(services: Services, call: Call[ProjectPath, LabelsQuery, None]) -> Answer:
    """Send the labels after a cursor, one a line, and the cursor to go on from."""
    labels, cursor = await services.labels.page(call.caller, call.path.slug, call.query.after, call.query.limit)
    lines = b"".join(to_json(label) + b"\n" for label in labels)
    return Reply(lines, ((CURSOR_HEADER.lower().encode(), str(cursor).encode()),))
