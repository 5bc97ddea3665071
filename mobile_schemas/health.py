"""Health: whether the service can do its work."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Model


class HealthOut(Model):
    """All is well; anything else is a problem document with status 503."""

    status: Literal["ok"]
    version: Annotated[str, Field(description="The version of the service.", examples=["0.1.0"])]
    database: Annotated[Literal["reachable"], Field(description="PostgreSQL answered a query just now.")]
