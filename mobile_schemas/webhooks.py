"""Webhooks: events posted to an address of a researcher's, signed as Standard Webhooks has it."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.events import EventOut, Kind
from mobile_schemas.fields import BIGINT_MAX, INT32_MAX, Count, Model, Moment, Slug, Whole

Form = Literal["json", "voevent"]
WebhookId = Annotated[int, Whole(1, INT32_MAX), Field(description="A webhook's number.", examples=[3])]


class WebhookIn(Model):
    """An address that wants events."""

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[A-Za-z0-9.\[\]:_-]{1,260}([/?][!-~]*)?$",
            max_length=2000,
            description="Where to post to; http or https, without a user name. Addresses that are not public are "
            "refused when something is sent, unless the operator allows them.",
            examples=["https://observatory.example/chaffinch"],
        ),
    ]
    kinds: Annotated[
        list[Kind] | None, Field(min_length=1, max_length=20, description="Only these kinds; all by default.")
    ] = None
    form: Annotated[
        Form,
        Field(
            description="`json`: up to 100 events in each post. `voevent`: one VOEvent in each post, for labels of "
            "subjects with a place in the sky; nothing else is sent."
        ),
    ] = "json"


class WebhookOut(Model):
    """A webhook, and how far it has come."""

    id: WebhookId
    url: str
    kinds: list[Kind] | None
    form: Form
    position: Annotated[Count, Field(description="Everything up to this position was taken by the receiver.")]
    failures: Annotated[Count, Field(description="Attempts in a row that failed.")]
    next_at: Annotated[Moment | None, Field(description="When the next attempt is made; null if nothing failed.")]
    created_at: Moment
    paused_at: Moment | None
    why_paused: str | None


class WebhookCreatedOut(WebhookOut):
    """A new webhook with its secret, which is shown this once."""

    secret: Annotated[str, Field(description="Signs what is posted (Standard Webhooks).", pattern="^whsec_")]


class WebhooksOut(Model):
    """The webhooks of a project."""

    webhooks: list[WebhookOut]


class WebhookPath(Model):
    """The webhook in a path."""

    webhook_id: WebhookId


class ReplayIn(Model):
    """From where to send again."""

    after: Annotated[int, Whole(0, BIGINT_MAX), Field(description="Events after this position are sent again.")]


class DeliveriesQuery(Model):
    """How many attempts to list."""

    limit: Annotated[int, Whole(1, 1000), Field(description="The newest so many attempts.")] = 100


class DeliveryOut(Model):
    """One attempt to post events."""

    first_position: Count
    last_position: Count
    events: Annotated[Count, Field(description="Events in the post.")]
    attempt: Annotated[Count, Field(description="Counts the attempts in a row, from 1.")]
    sent_at: Moment
    took_ms: Count
    status: Annotated[int | None, Field(description="The HTTP status; null where no answer came.")]
    error: Annotated[str | None, Field(description="What went wrong; null where the post was taken.")]


class DeliveriesOut(Model):
    """Attempts, the newest first."""

    deliveries: list[DeliveryOut]


class PostOut(Model):
    """What is posted in the form `json`."""

    project: Slug
    events: list[EventOut]
