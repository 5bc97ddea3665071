"""Exports: pages of labels, of the vote log and of subjects, and their data dictionaries."""

import base64

from api.exports.columns import Table
from api.exports.forms import Form
from api.http.calls import Answer, Call, Reply
from api.services.exporting import Wish
from api.services.house import Services
from mobile_schemas.endpoint import CURSOR_HEADER
from mobile_schemas.exports import ExportPath, ExportQuery, VotesExportQuery
from mobile_schemas.projects import ProjectPath


async def labels(services: Services, call: Call[ProjectPath, ExportQuery, None]) -> Answer:
    """Send a page of label revisions."""
    return await _page(services, call, Table.LABELS)


async def classifications(services: Services, call: Call[ProjectPath, VotesExportQuery, None]) -> Answer:
    """Send a page of the vote log."""
    return await _page(services, call, Table.VOTES)


async def subjects(services: Services, call: Call[ProjectPath, ExportQuery, None]) -> Answer:
    """Send a page of subjects."""
    return await _page(services, call, Table.SUBJECTS)


async def dictionary(services: Services, call: Call[ExportPath, None, None]) -> Answer:
    """Describe the columns of a table, and the cascades behind its labels."""
    return await services.exports.dictionary(call.caller, call.path.slug, Table(call.path.table))


async def _page(
    services: Services,
    call: Call[ProjectPath, ExportQuery, None] | Call[ProjectPath, VotesExportQuery, None],
    table: Table,
) -> Answer:
    slug, query, form = call.path.slug, call.query, Form(call.query.format)
    content, done = await services.exports.page(
        call.caller, slug, Wish(table, form, query.after, query.limit, all_revisions=table is Table.LABELS)
    )
    headers = {
        "content-type": form.media_type,
        "content-disposition": f'attachment; filename="{slug}-{table.value}.{form.suffix}"',
        "repr-digest": f"sha-256=:{base64.b64encode(done.sha256).decode()}:",
        CURSOR_HEADER.lower(): done.cursor,
    }
    return Reply(content, tuple((name.encode(), value.encode()) for name, value in headers.items()))
