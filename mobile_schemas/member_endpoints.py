"""Endpoints of projects' members: roles, invitations, tokens of projects, and who may see a project."""

from typing import Final

from mobile_schemas.endpoint import Endpoint

MEMBER_ENDPOINTS: Final[tuple[Endpoint, ...]] = ()
