"""Web Push: a phone that wants to be told something while the page is closed, and what it is told."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Key, Model, Moment, P256Point, WorkflowId

SubscriptionId = Annotated[Key, Field(description="A subscription's id.")]


class PushKeyOut(Model):
    """The key by which push services know this service."""

    public_key: Annotated[
        P256Point,
        Field(description="`applicationServerKey` of the browser's `pushManager.subscribe`; it never changes."),
    ]


class PushSubscriptionIn(Model):
    """What a browser gave to be reached by: `endpoint`, and the two `keys`, of `PushSubscription.toJSON()`."""

    endpoint: Annotated[
        str,
        Field(
            pattern=r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?/[!-~]*$",
            max_length=2000,
            description="Where the push service takes messages for this browser. Addresses that are not public, and "
            "plain http, are refused unless the operator allows them.",
            examples=["https://push.example.org/send/2f1c9a"],
        ),
    ]
    p256dh: Annotated[P256Point, Field(description="The browser's public key.")]
    auth: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9_-]{21}[AQgw]$",
            description="The browser's secret, 16 bytes as base64url without padding.",
            examples=["k8JV6sjdbhAi1n3_LDBLvA"],
        ),
    ]
    language: Annotated[
        str | None,
        Field(
            max_length=35,
            pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
            description="The language to be told in (BCP 47): English, Spanish or Arabic; all others get English.",
            examples=["es-MX"],
        ),
    ] = None


class PushSubscriptionOut(Model):
    """A subscription."""

    id: SubscriptionId


class PushSubscriptionPath(Model):
    """The subscription in a path."""

    id: SubscriptionId


class WishOut(Model):
    """That somebody wants to be told when there is more in a workflow."""

    workflow: WorkflowId
    since: Annotated[
        Moment, Field(description="When this was asked for first; asking again keeps it for 90 days more.")
    ]


class PushMessageOut(Model):
    """What a phone is sent, encrypted: the JSON that its service worker reads."""

    kind: Annotated[
        Literal["more", "level"], Field(description="`more`: a wish is granted. `level`: a level is reached.")
    ]
    title: str
    body: str
    url: Annotated[str, Field(description="The page to open.", pattern="^/p/", examples=["/p/galaxy-garden/3"])]
    tag: Annotated[str, Field(description="A notification takes the place of an older one of the same tag.")]
