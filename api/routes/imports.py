"""Uploads and imports, for researchers."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.imports import ChunkPath, ImportIn, ImportPath, UploadIn, UploadPath
from mobile_schemas.projects import ProjectPath


async def begin_upload(services: Services, call: Call[ProjectPath, None, UploadIn]) -> Answer:
    """Begin to send a file, or learn how far the same file has come."""
    return await services.uploads.begin(call.caller, call.path.slug, call.body)


async def get_upload(services: Services, call: Call[UploadPath, None, None]) -> Answer:
    """Tell how far an upload has come."""
    return await services.uploads.get(call.caller, call.path.upload)


async def put_chunk(services: Services, call: Call[ChunkPath, None, bytes]) -> Answer:
    """Take the next part of a file."""
    return await services.uploads.put(call.caller, call.path.upload, call.path.offset, call.body)


async def begin_import(services: Services, call: Call[ProjectPath, None, ImportIn]) -> Answer:
    """Take an import down for the worker."""
    return await services.uploads.begin_import(call.caller, call.path.slug, call.body)


async def get_import(services: Services, call: Call[ImportPath, None, None]) -> Answer:
    """Tell what became of an import so far."""
    return await services.uploads.get_import(call.caller, call.path.import_id)
