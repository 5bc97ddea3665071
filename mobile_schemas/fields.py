"""The kinds of fields that the models are made of: bounded to what the database holds, and strict about their form."""

from datetime import datetime
from typing import Annotated, Any, Final, LiteralString
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

INT32_MAX: Final = 2**31 - 1
BIGINT_MAX: Final = 2**63 - 1

NO_NUL: Final = r"^[^\x00]*$"
"""Text that PostgreSQL can store: anything but U+0000 (lone surrogates are not JSON text in the first place)."""

_HEX4 = "[0-9A-Fa-f]{4}"
_UUID = rf"^[0-9A-Fa-f]{{8}}-{_HEX4}-{_HEX4}-{_HEX4}-[0-9A-Fa-f]{{12}}$"
_UUID7 = rf"^[0-9A-Fa-f]{{8}}-{_HEX4}-7[0-9A-Fa-f]{{3}}-[89ABab][0-9A-Fa-f]{{3}}-[0-9A-Fa-f]{{12}}$"
_MOMENT = r"^(20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"


_POINT = "^B[A-P][A-Za-z0-9_-]{84}[AEIMQUYcgkosw048]$"
_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

SPELLED: Final = frozenset({"uuid", "uuid7", "moment", "point"})
"""The types of errors whose message says what would be right."""


class Model(BaseModel):
    """A part of the contract: exactly these fields, of exactly these types, never changed after it was read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Spelled:
    """Reads a value from JSON text of one spelling only, where pydantic alone would take several.

    The error has the type `kind`; its message says what is right, so that one bad field gives one error.
    """

    def __init__(
        self, kind: LiteralString, right: LiteralString, pattern: str, format_: str, value: CoreSchema
    ) -> None:
        self.kind, self.right = kind, right
        self.schema = {"type": "string", "format": format_, "pattern": pattern}
        self.value = value
        self.text = core_schema.chain_schema([core_schema.str_schema(pattern=pattern, strict=True), value])

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        spelled = core_schema.custom_error_schema(
            self.text, custom_error_type=self.kind, custom_error_message=self.right
        )
        return core_schema.json_or_python_schema(json_schema=spelled, python_schema=self.value)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


class Whole:
    """Reads a whole number within bounds, from JSON in any spelling that JSON Schema calls an integer: 28 or 28.0."""

    def __init__(self, least: int, most: int) -> None:
        self.schema = {"type": "integer", "minimum": least, "maximum": most}
        self.value = core_schema.int_schema(ge=least, le=most, strict=True)
        self.rounded = core_schema.chain_schema(
            [core_schema.float_schema(strict=True), core_schema.int_schema(ge=least, le=most, strict=False)]
        )

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        either = core_schema.union_schema([self.value, self.rounded], mode="left_to_right")
        number = core_schema.custom_error_schema(
            either, custom_error_type="whole", custom_error_message="a whole number within its bounds"
        )
        return core_schema.json_or_python_schema(json_schema=number, python_schema=self.value)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


Key = Annotated[
    UUID,
    _Spelled(
        "uuid",
        "a UUID in its hyphenated form, such as 3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a",
        _UUID,
        "uuid",
        core_schema.uuid_schema(strict=False),
    ),
]
"""An idempotency key: any UUID."""

ClientId = Annotated[
    UUID,
    _Spelled(
        "uuid7",
        "a UUID of version 7 (RFC 9562) in its hyphenated form, such as 01932c07-2f5a-7c3e-8d51-3f6f0c4b579a",
        _UUID7,
        "uuid",
        core_schema.uuid_schema(version=7, strict=False),
    ),
]
"""The id that a client gives to what it sends. Version 7 begins with the time, which keeps the indexes compact."""

Moment = Annotated[
    datetime,
    _Spelled(
        "moment",
        "a date and time with its offset from UTC, of the years 2000 to 2100, such as 2026-11-21T09:30:00.250+01:00",
        _MOMENT,
        "date-time",
        core_schema.datetime_schema(strict=False, tz_constraint="aware"),
    ),
]
"""A moment in time (RFC 3339) with its offset, kept to the microsecond."""

_P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def _on_curve(text: str) -> str:
    """Return the text if it is a point of the curve P-256 (FIPS 186-4, D.1.2.3), or raise ValueError."""
    number = 0
    for letter in text:
        number = number << 6 | _BASE64URL.index(letter)
    x, y = number >> 258 & (1 << 256) - 1, number >> 2 & (1 << 256) - 1
    if max(x, y) >= _P256_PRIME or (y * y - (x * x * x - 3 * x + _P256_B)) % _P256_PRIME:
        raise ValueError("not on the curve")
    return text


P256Point = Annotated[
    str,
    _Spelled(
        "point",
        "a point of the curve P-256: 65 bytes, uncompressed, as base64url without padding",
        _POINT,
        "p256-point",
        core_schema.no_info_after_validator_function(_on_curve, core_schema.str_schema()),
    ),
    Field(examples=["BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"]),
]
"""A public key of an elliptic curve, as browsers and push services exchange it (RFC 8291, RFC 8292)."""

Count = Annotated[int, Whole(0, BIGINT_MAX)]
WorkflowId = Annotated[int, Whole(1, INT32_MAX), Field(description="A workflow's number.", examples=[3])]
Level = Annotated[int, Whole(1, 10), Field(description="1 to 9, or 10 for experts. A level covers all below it.")]
Text = Annotated[str, Field(pattern=NO_NUL)]
Slug = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=64,
        description="A project's short name: lower-case letters, digits and single hyphens.",
        examples=["galaxy-garden"],
    ),
]
SubjectId = Annotated[
    str,
    Field(
        pattern=r"^S[1-9][0-9]{0,17}$",
        description="A subject's public id: S and its number.",
        examples=["S12"],
    ),
]
VolunteerId = Annotated[
    str,
    Field(
        pattern=r"^V[1-9][0-9]{0,17}$",
        description="A volunteer's public id: V and its number.",
        examples=["V7"],
    ),
]
