"""The tables, as one picture: who, what is asked, what is answered, and what follows from it.

Theory of operation
-------------------
*Who.* A `person` stands above `volunteer` rows (an anonymous phone, a named account). Everything that is counted is
keyed by person, so that linking two volunteers can never count one person twice.

*What is asked.* A `project` publishes immutable `cascade_version` rows. A `workflow` row is an evidence key: a question
of a project. When the wording of a question changes, a new row (edition) begins and the votes stay with the old one.

*What is answered.* A `card` is one subject dealt to one person in one workflow; it is unique, so a vote can be counted
once only. `swipe_key` holds every client id that a person has used, for votes and for retractions that came before
their vote. `classification` is the append-only ledger, partitioned by time, without any unique key of its own.

*What follows.* A `stage` is a subject in a workflow: its sums, its state, its need for cards. `dealable` is the narrow
table that dealing reads. `label` holds immutable revisions; `outbox` announces them in commit order.

Rows that change in the hot path (`card`, `stage`, `skill`) carry no index on what changes and keep free room in their
pages, so that PostgreSQL can update them in place (HOT).
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

metadata = SQLModel.metadata


def _now() -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))


def _moment() -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))


def _big(*, null: bool = False, **keywords: Any) -> Any:
    return Field(default=None, sa_column=Column(BigInteger, nullable=null, **keywords))


def _real() -> Any:
    return Field(default=None, sa_column=Column(Float, nullable=True))


def _number(kind: Any = Integer, default: str | None = "0", *, null: bool = False) -> Any:
    return Field(default=None, sa_column=Column(kind, nullable=null, server_default=text(default) if default else None))


def _key(kind: Any, *arguments: Any) -> Any:
    return Field(sa_column=Column(kind, *arguments, primary_key=True, autoincrement=False))


def _identity(kind: Any = BigInteger) -> Any:
    return Field(default=None, sa_column=Column(kind, Identity(), primary_key=True))


def _words(*, null: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=null))


class PersonRow(SQLModel, table=True):
    """A human being, as far as we can tell: the unit that votes once."""

    __tablename__ = "person"
    id: int = _identity()
    created_at: datetime = _now()


class VolunteerRow(SQLModel, table=True):
    """One way in which a person takes part: an anonymous phone, or a name.

    `name_key` is the name as names are compared. It is made in Python: what lower() does depends on the server.
    `on_boards` is whether the name may stand on weekly boards. After `deleted_at` neither name nor way in is left.
    """

    __tablename__ = "volunteer"
    id: int = _identity()
    person_id: int = _big(index=True)
    name: str | None = _words(null=True)
    name_key: str | None = Field(default=None, sa_column=Column(Text, nullable=True, unique=True))
    on_boards: bool = Field(default=None, sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    created_at: datetime = _now()
    deleted_at: datetime | None = _moment()


class PersonMergeRow(SQLModel, table=True):
    """That two persons turned out to be one: what was counted for the first is counted for the second from then on."""

    __tablename__ = "person_merge"
    from_person_id: int = _key(BigInteger)
    into_person_id: int = _big(index=True)
    merged_at: datetime = _now()


class TokenRow(SQLModel, table=True):
    """What a client shows to be let in. Only the SHA-256 of the token is stored.

    `reach` is the highest role that a personal token may use, `label` what its owner calls it; `last_used_at` is kept
    to the hour or so. A token without `expires_at` lasts until it is revoked.
    """

    __tablename__ = "token"
    __table_args__ = (Index("token_of_imports", "project_id", "source", postgresql_where=text("scope = 'import'")),)
    sha256: bytes = _key(LargeBinary)
    scope: str = _words()
    volunteer_id: int | None = _big(null=True)
    project_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    source: str = _words()
    reach: str | None = _words(null=True)
    label: str | None = _words(null=True)
    created_at: datetime = _now()
    expires_at: datetime | None = _moment()
    last_used_at: datetime | None = _moment()
    revoked_at: datetime | None = _moment()


class IdentityRow(SQLModel, table=True):
    """Somebody as a provider of logins knows them: by issuer and subject, which never change; `shown` may."""

    __tablename__ = "identity"
    issuer: str = _key(Text)
    subject: str = _key(Text)
    volunteer_id: int = _big(index=True)
    shown: str | None = _words(null=True)
    linked_at: datetime = _now()
    used_at: datetime = _now()


class PasskeyRow(SQLModel, table=True):
    """A passkey: its public key (COSE) and how often it has signed, by the authenticator's own count."""

    __tablename__ = "passkey"
    credential_id: bytes = _key(LargeBinary)
    volunteer_id: int = _big(index=True)
    public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sign_count: int = _number(BigInteger)
    transports: list[str] = Field(
        default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )
    label: str = _words()
    created_at: datetime = _now()
    used_at: datetime | None = _moment()


class LoginRow(SQLModel, table=True):
    """A login that is under way, known by the SHA-256 of its state.

    `challenge` is the SHA-256 of a secret that the browser which began it keeps: only that browser can end it.
    `verifier` (PKCE) and `nonce` go to the provider. When the provider has answered, `code_sha256` is that of the code
    with which the browser fetches its token, once; `found` is who it is.
    """

    __tablename__ = "login"
    __table_args__ = (Index("login_expires", "expires_at"),)
    state_sha256: bytes = _key(LargeBinary)
    provider: str = _words()
    challenge: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    verifier: str = _words()
    nonce: str = _words()
    back_to: str = _words()
    code_sha256: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True, unique=True))
    found: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    created_at: datetime = _now()
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class PasskeyChallengeRow(SQLModel, table=True):
    """What an authenticator is to sign, once; of a volunteer who adds a passkey, or of nobody yet for a login."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (Index("passkey_challenge_expires", "expires_at"),)
    id: UUID = _key(Uuid)
    challenge: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    volunteer_id: int | None = _big(null=True)
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


_RANDOM = "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
"""Thirty-two bytes that nobody can guess, of which 30.5 are random."""


class ProjectRow(SQLModel, table=True):
    """A campaign. `pseudonym_key` turns volunteers into the pseudonyms of its exports.

    `visibility` is public, unlisted (for who knows its name) or private (for its members).
    """

    __tablename__ = "project"
    id: int = _identity(Integer)
    slug: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    title: str | None = _words(null=True)
    version_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    pseudonym_key: bytes = Field(
        default=None, sa_column=Column(LargeBinary, nullable=False, server_default=text(_RANDOM))
    )
    visibility: str = Field(default=None, sa_column=Column(Text, nullable=False, server_default="public"))
    created_at: datetime = _now()


class MemberRow(SQLModel, table=True):
    """A role that a person has in a project: owner, researcher, moderator, or volunteer (of a private project).

    Experts are those who hold the level of experts.
    """

    __tablename__ = "member"
    __table_args__ = (Index("member_person", "person_id"),)
    project_id: int = _key(Integer, ForeignKey("project.id"))
    person_id: int = _key(BigInteger)
    role: str = _key(Text)
    added_by: int | None = _big(null=True)
    since: datetime = _now()


class InvitationRow(SQLModel, table=True):
    """A link by which somebody gets a role in a project, known by the SHA-256 of its secret."""

    __tablename__ = "invitation"
    __table_args__ = (Index("invitation_project", "project_id", "created_at"),)
    sha256: bytes = _key(LargeBinary)
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    role: str = _words()
    uses_left: int = _number(default="1")
    created_by: int | None = _big(null=True)
    created_at: datetime = _now()
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    revoked_at: datetime | None = _moment()


class ProjectPageRow(SQLModel, table=True):
    """A page of a project as its researchers wrote it. `name` is about, tutorial or guide.

    `pictures` has, by the paths that the text names, what `location` has of pictures: digest, mime, width, height,
    blurhash, variants. `summary` (the first paragraph, cut) and `picture` (the path of the first picture) are what a
    list of projects shows, made with the page so that the list need not read it; only an about page has them.
    """

    __tablename__ = "project_page"
    project_id: int = _key(Integer, ForeignKey("project.id"))
    name: str = _key(Text)
    markdown: str = _words()
    pictures: dict[str, dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    summary: str | None = _words(null=True)
    picture: str | None = _words(null=True)
    set_at: datetime = _now()


class CascadeVersionRow(SQLModel, table=True):
    """A published declaration: never changed, never deleted. `settled_at`: when all subjects had followed it."""

    __tablename__ = "cascade_version"
    __table_args__ = (UniqueConstraint("project_id", "number"),)
    id: int = _identity(Integer)
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    number: int = _number(default=None)
    digest: str = _words()
    declaration: str = _words()
    workflow_ids: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    published_at: datetime = _now()
    settled_at: datetime | None = _moment()


class WorkflowRow(SQLModel, table=True):
    """One question of a project; a changed question is a new edition with evidence of its own."""

    __tablename__ = "workflow"
    __table_args__ = (
        UniqueConstraint("project_id", "name", "edition"),
        Index("workflow_live", "project_id", "name", unique=True, postgresql_where=text("closed_at IS NULL")),
    )
    id: int = _identity(Integer)
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    name: str = _words()
    question: str = _words()
    edition: int = _number(default="1")
    calibration: int = _number()
    created_at: datetime = _now()
    closed_at: datetime | None = _moment()


class CalibrationRow(SQLModel, table=True):
    """What a refit has learnt about a workflow: never changed, never deleted; `workflow.calibration` is in force.

    `rescored_at` is when every stage had been weighed anew by it, null before.

    `prior` is what volunteers start with, hundredths of an answer: no x3, yes x3. `prevalence`, `accept` and `reject`
    are micro-nats (0 in the bounds: Wald's), `hard` and `proven` (the way to enough gold) are millionths. `scores`
    holds the calibration of each machine score by name, `report` what researchers are told.
    """

    __tablename__ = "calibration"
    workflow_id: int = _key(Integer)
    revision: int = _key(Integer)
    version_id: int = _number(default=None)
    prior: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    prevalence: int = _number(BigInteger)
    hard: int = _number()
    accept: int = _number(BigInteger)
    reject: int = _number(BigInteger)
    votes: int = _number(BigInteger)
    proven: int = _number()
    scores: dict[str, Any] = Field(default=None, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    report: dict[str, Any] = Field(default=None, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    fitted_at: datetime = _now()
    rescored_at: datetime | None = _moment()


class WorkflowTotalRow(SQLModel, table=True):
    """What the worker has counted: shown on pages, and the skill from which contested subjects are served.

    `finished_at` is when no subject was left to decide; new subjects clear it.
    """

    __tablename__ = "workflow_total"
    workflow_id: int = _key(Integer)
    open: int = _number(BigInteger)
    contested: int = _number(BigInteger)
    retired: int = _number(BigInteger)
    retired_yes: int = _number(BigInteger)
    retired_no: int = _number(BigInteger)
    votes: int = _number(BigInteger)
    contested_bar: int | None = _big(null=True)
    counted_at: datetime = _now()
    finished_at: datetime | None = _moment()


class ActivityFoldRow(SQLModel, table=True):
    """How far the worker has folded the ledger into the three tables below: one row, with the id 1."""

    __tablename__ = "activity_fold"
    id: int = _key(SmallInteger)
    folded_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class ActivityDayRow(SQLModel, table=True):
    """How many answers a person gave to a project on a day of their own calendar; 0 where all were taken back."""

    __tablename__ = "activity_day"
    person_id: int = _key(BigInteger)
    project_id: int = _key(Integer)
    day: date = _key(Date)
    votes: int = _number(default=None)


class ProjectDayRow(SQLModel, table=True):
    """How many answers of volunteers arrived for a project on a day in UTC."""

    __tablename__ = "project_day"
    project_id: int = _key(Integer)
    day: date = _key(Date)
    votes: int = _number(default=None)


class ProjectTotalRow(SQLModel, table=True):
    """How many persons have a row in `activity_day` for a project, and the sum of these rows."""

    __tablename__ = "project_total"
    project_id: int = _key(Integer)
    volunteers: int = _number(BigInteger, default=None)
    votes: int = _number(BigInteger, default=None)


class SubjectRow(SQLModel, table=True):
    """What volunteers look at: ordered locations plus metadata. Public id: `S` and the number.

    One with a place in the sky has its ICRS position in degrees, and the nested HEALPix cell of order 29 around it.
    """

    __tablename__ = "subject"
    __table_args__ = (
        UniqueConstraint("project_id", "external_id"),
        Index("subject_sky", "project_id", "healpix", postgresql_where=text("healpix IS NOT NULL")),
        Index("subject_in_order", "project_id", "id"),
    )
    id: int = _identity()
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    external_id: str = _words()
    metadata_: dict[str, str] = Field(sa_column=Column("metadata", JSONB, nullable=False))
    ra: float | None = _real()
    dec: float | None = _real()
    healpix: int | None = _big(null=True)
    created_at: datetime = _now()


class LocationRow(SQLModel, table=True):
    """One picture of a subject, under the hash of the file imported; `variants` are [width, height, bytes] rows.

    `source` is what the import called it. `sky` is where a frame with a WCS points: ra, dec, scale_arcsec. `avif` says
    that the worker has tried to make its variants smaller in that format too. `video` is what plays, where the picture
    is a still: mime, width, height, bytes, seconds.
    """

    __tablename__ = "location"
    __table_args__ = (Index("location_without_avif", "subject_id", "ordinal", postgresql_where=text("NOT avif")),)
    subject_id: int = _key(BigInteger, ForeignKey("subject.id"))
    ordinal: int = _key(SmallInteger)
    digest: str = _words()
    mime: str = _words()
    width: int = _number(default=None)
    height: int = _number(default=None)
    blurhash: str = _words()
    variants: list[list[int]] = Field(sa_column=Column(JSONB, nullable=False))
    source: str | None = _words(null=True)
    sky: dict[str, float] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    avif: bool = Field(default=None, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    video: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))


class ScoreRow(SQLModel, table=True):
    """A machine's score of a subject, 0 to 1; a later import is a new revision. `model` is the model's SHA-256."""

    __tablename__ = "score"
    subject_id: int = _key(BigInteger, ForeignKey("subject.id"))
    name: str = _key(Text)
    value: float = Field(sa_column=Column(Float, nullable=False))
    model: str | None = _words(null=True)
    revision: int = _number(default="1")
    set_at: datetime = _now()


class GoldStandardRow(SQLModel, table=True):
    """The known answer of a subject to a workflow's question. Sealed: leaves the server only after the vote."""

    __tablename__ = "gold_standard"
    __table_args__ = (
        Index(
            "gold_standard_pool",
            "project_id",
            "workflow",
            "truth",
            "draw",
            postgresql_where=text("current"),
        ),
        Index(
            "gold_standard_current",
            "subject_id",
            "workflow",
            unique=True,
            postgresql_where=text("current"),
        ),
    )
    subject_id: int = _key(BigInteger, ForeignKey("subject.id"))
    workflow: str = _key(Text)
    revision: int = _key(Integer)
    project_id: int = Field(sa_column=Column(Integer, nullable=False))
    truth: int = _number(SmallInteger, default=None)
    explanation: str | None = _words(null=True)
    draw: int = _number(default=None)
    current: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    set_at: datetime = _now()


class StageRow(SQLModel, table=True):
    """A subject in a workflow: sums in micro-nats, state, and its need for cards.

    Its steps up to ordinal `earlier` were weighed and judged by an earlier engine, whose numbers this one cannot give.
    """

    __tablename__ = "stage"
    __table_args__ = (Index("stage_audited", "workflow_id", "subject_id", postgresql_where=text("audit_count > 0")),)
    workflow_id: int = _key(Integer)
    subject_id: int = _key(BigInteger)
    state: int = _number(SmallInteger)
    answer: int = _number(SmallInteger, "-1")
    reason: int = _number(SmallInteger)
    prior: int = _number(BigInteger)
    machine: int = _number(SmallInteger)
    if_yes: int = _number(BigInteger)
    if_no: int = _number(BigInteger)
    n_yes: int = _number()
    n_no: int = _number()
    n_unsure: int = _number()
    unproven: int = _number(BigInteger)
    u_yes: int = _number()
    u_no: int = _number()
    u_unsure: int = _number()
    flags: int = _number()
    late: int = _number(BigInteger)
    late_count: int = _number()
    audit: int = _number(BigInteger)
    audit_count: int = _number()
    audit_open: int = _number(SmallInteger)
    ordinal: int = _number()
    decided_ordinal: int = _number()
    draw: int = _number(default=None)
    need: int = _number(SmallInteger, "1")
    in_flight: int = _number(SmallInteger)
    reserved_until: datetime | None = _moment()
    excluded: int = _number()
    revision: int = _number()
    version_id: int = _number(default=None)
    calibration: int = _number()
    earlier: int = _number()
    entered_at: datetime = _now()
    first_vote_at: datetime | None = _moment()
    last_vote_at: datetime | None = _moment()
    retired_at: datetime | None = _moment()


class DealableRow(SQLModel, table=True):
    """A stage that wants cards, in the order in which dealing walks: by tier, from a random start."""

    __tablename__ = "dealable"
    workflow_id: int = _key(Integer)
    tier: int = _key(SmallInteger)
    draw: int = _key(Integer)
    subject_id: int = _key(BigInteger)


class SkillRow(SQLModel, table=True):
    """What a person has shown in a workflow: three answers under two truths.

    The first six count gold; `revision` counts the gold votes that made them. The six `b_` are what the last refit adds
    from other subjects, in hundredths of an answer. `cusum` (micro-nats) grows while gold is answered as if by chance;
    `drops` counts how often that cost a volunteer their record, and `unwatched` is the revision up to which nobody
    watched for that.
    """

    __tablename__ = "skill"
    person_id: int = _key(BigInteger)
    workflow_id: int = _key(Integer)
    dealt: int = _number()
    revision: int = _number()
    no_no: int = _number()
    no_yes: int = _number()
    no_unsure: int = _number()
    yes_no: int = _number()
    yes_yes: int = _number()
    yes_unsure: int = _number()
    informedness: int | None = _big(null=True)
    b_no_no: int = _number()
    b_no_yes: int = _number()
    b_no_unsure: int = _number()
    b_yes_no: int = _number()
    b_yes_yes: int = _number()
    b_yes_unsure: int = _number()
    cusum: int = _number(BigInteger)
    drops: int = _number()
    unwatched: int = _number()


class SkillFitRow(SQLModel, table=True):
    """What a calibration made of a person: the columns of their skill as they were then, at that gold revision.

    Written only where it differs from the person's row of an earlier calibration; never changed. Votes are weighed anew
    by the six counts of gold and the six `b_` together.
    """

    __tablename__ = "skill_fit"
    workflow_id: int = _key(Integer)
    person_id: int = _key(BigInteger)
    calibration: int = _key(Integer)
    revision: int = _number(default=None)
    no_no: int = _number()
    no_yes: int = _number()
    no_unsure: int = _number()
    yes_no: int = _number()
    yes_yes: int = _number()
    yes_unsure: int = _number()
    b_no_no: int = _number(default=None)
    b_no_yes: int = _number(default=None)
    b_no_unsure: int = _number(default=None)
    b_yes_no: int = _number(default=None)
    b_yes_yes: int = _number(default=None)
    b_yes_unsure: int = _number(default=None)


class RescoreRow(SQLModel, table=True):
    """A stage's evidence weighed anew by a calibration: an entry of the ledger, with the sums that it left behind.

    `flagged` says that the stage was retired already and its evidence now speaks against its answer: then the sums are
    what they would be, the stage keeps its own, and an audit opens. `prior_before` and `machine_before` are what the
    stage began with, or what the rescore before this one left.
    """

    __tablename__ = "rescore"
    __table_args__ = (Index("rescore_flagged", "workflow_id", "subject_id", postgresql_where=text("flagged")),)
    workflow_id: int = _key(Integer)
    subject_id: int = _key(BigInteger)
    ordinal: int = _key(Integer)
    calibration: int = _number(default=None)
    version_id: int = _number(default=None)
    prior_before: int = _big()
    machine_before: int = _number(SmallInteger, default=None)
    prior: int = _big()
    machine: int = _number(SmallInteger, default=None)
    if_yes: int = _big()
    if_no: int = _big()
    unproven: int = _big()
    log_odds: int = _big()
    votes: int = _number(default=None)
    flagged: bool = Field(sa_column=Column(Boolean, nullable=False))
    rescored_at: datetime = _now()


class LevelGrantRow(SQLModel, table=True):
    """A level that a person holds in a project until `ends_at`; it covers all levels below.

    `promotion_id` is the entry of the ledger by which they hold it. Until `probation_until` it is lost sooner.
    """

    __tablename__ = "level_grant"
    person_id: int = _key(BigInteger)
    project_id: int = _key(Integer)
    level: int = _key(SmallInteger)
    granted_at: datetime = _now()
    ends_at: datetime | None = _moment()
    probation_until: datetime | None = _moment()
    promotion_id: int | None = _big(null=True)


class PromotionRow(SQLModel, table=True):
    """An entry of the ledger of promotions: what was done about a person and a level, by whom, why, on which evidence.

    Never changed, never deleted. `action` is proposed_by_rule, proposed_by_moderator, confirmed, granted, refused,
    deferred, expired, revoked, lost or appealed; `made_by` is rule, moderator, operator, volunteer or time, and
    `by_volunteer_id` is null where it was no volunteer.
    """

    __tablename__ = "promotion"
    __table_args__ = (
        Index("promotion_feed", "project_id", "id"),
        Index("promotion_of_person", "person_id", "project_id", "id"),
    )
    id: int = _identity()
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    person_id: int = _big()
    volunteer_id: int = _big()
    level: int = _number(SmallInteger, default=None)
    action: str = _words()
    made_by: str = _words()
    by_volunteer_id: int | None = _big(null=True)
    why: str | None = _words(null=True)
    evidence: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    ends_at: datetime | None = _moment()
    probation_until: datetime | None = _moment()
    created_at: datetime = _now()


class CandidateRow(SQLModel, table=True):
    """A person about whom a moderator is asked, by the entry that asks; put off until `deferred_until`."""

    __tablename__ = "candidate"
    __table_args__ = (Index("candidate_queue", "project_id", "since"),)
    project_id: int = _key(Integer, ForeignKey("project.id"))
    person_id: int = _key(BigInteger)
    level: int = _key(SmallInteger)
    promotion_id: int = _big()
    since: datetime = _now()
    deferred_until: datetime | None = _moment()


class LevelCheckRow(SQLModel, table=True):
    """A person whose evidence has changed since the rules of a project were last held against it.

    `since` is when it changed last; a worker has taken the row up until `taken_until`.
    """

    __tablename__ = "level_check"
    project_id: int = _key(Integer)
    person_id: int = _key(BigInteger)
    since: datetime = _now()
    taken_until: datetime | None = _moment()


class BanRow(SQLModel, table=True):
    """That a person is kept out of a project; one that was lifted stays on record."""

    __tablename__ = "ban"
    __table_args__ = (
        Index("ban_in_force", "person_id", "project_id", unique=True, postgresql_where=text("lifted_at IS NULL")),
        Index("ban_of_project", "project_id", "id"),
    )
    id: int = _identity()
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    person_id: int = _big()
    volunteer_id: int = _big()
    why: str = _words()
    by_volunteer_id: int | None = _big(null=True)
    since: datetime = _now()
    until: datetime | None = _moment()
    votes_excluded: int = _number(BigInteger)
    lifted_at: datetime | None = _moment()
    lifted_by: int | None = _big(null=True)
    lifted_why: str | None = _words(null=True)


class NoteRow(SQLModel, table=True):
    """What a moderator wrote down about a person, for other moderators."""

    __tablename__ = "note"
    __table_args__ = (Index("note_of_person", "project_id", "person_id", "id"),)
    id: int = _identity()
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    person_id: int = _big()
    by_volunteer_id: int | None = _big(null=True)
    body: str = _words()
    created_at: datetime = _now()


class ReportRow(SQLModel, table=True):
    """What somebody found wrong with a subject or a volunteer, until a moderator closes it."""

    __tablename__ = "report"
    __table_args__ = (
        Index("report_open", "project_id", "id", postgresql_where=text("closed_at IS NULL")),
        Index("report_about", "project_id", "about_person_id"),
    )
    id: int = _identity()
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    by_volunteer_id: int = _big()
    subject_id: int | None = _big(null=True)
    about_person_id: int | None = _big(null=True)
    about_volunteer_id: int | None = _big(null=True)
    kind: str = _words()
    body: str = _words()
    created_at: datetime = _now()
    closed_at: datetime | None = _moment()
    closed_by: int | None = _big(null=True)
    outcome: str | None = _words(null=True)


class DeckRow(SQLModel, table=True):
    """The reply to one request for cards, so that the same key gets the same cards again."""

    __tablename__ = "deck"
    __table_args__ = (
        UniqueConstraint("person_id", "key"),
        Index("deck_recent", "person_id", "workflow_id", "id"),
    )
    id: int = _identity()
    person_id: int = _big()
    key: UUID = Field(sa_column=Column(Uuid, nullable=False))
    workflow_id: int = _number(default=None)
    version_id: int = _number(default=None)
    subject_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    dealt_at: datetime = _now()


class CardRow(SQLModel, table=True):
    """One subject dealt to one person in one workflow, with the vote that it carries now."""

    __tablename__ = "card"
    __table_args__ = (Index("card_stage", "workflow_id", "subject_id"),)
    person_id: int = _key(BigInteger)
    workflow_id: int = _key(Integer)
    subject_id: int = _key(BigInteger)
    volunteer_id: int = _big()
    gold: bool = Field(sa_column=Column(Boolean, nullable=False))
    attempt: int = _number(SmallInteger)
    dealt_at: datetime = _now()
    reserved_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    accepted_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    client_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    answer: int | None = _number(SmallInteger, None, null=True)
    exclusion: int | None = _number(SmallInteger, None, null=True)
    bucket: int | None = _number(SmallInteger, None, null=True)
    ordinal: int | None = _number(Integer, None, null=True)
    if_yes: int | None = _number(BigInteger, None, null=True)
    if_no: int | None = _number(BigInteger, None, null=True)
    flag: bool | None = Field(default=None, sa_column=Column(Boolean, nullable=True))
    truth: int | None = _number(SmallInteger, None, null=True)
    received_at: datetime | None = _moment()


class SwipeKeyRow(SQLModel, table=True):
    """A client id that a person has used: for a vote, or for a retraction that came before its vote."""

    __tablename__ = "swipe_key"
    __table_args__ = (
        Index("swipe_key_retracted", "person_id", "client_id", postgresql_where=text("retracted_at IS NOT NULL")),
    )
    person_id: int = _key(BigInteger)
    client_id: UUID = _key(Uuid)
    workflow_id: int | None = _number(Integer, None, null=True)
    subject_id: int | None = _big(null=True)
    retracted_at: datetime | None = _moment()


class FavouriteRow(SQLModel, table=True):
    """A subject that a person marked as a favourite."""

    __tablename__ = "favourite"
    person_id: int = _key(BigInteger)
    subject_id: int = _key(BigInteger)
    since: datetime = _now()


class LabelRow(SQLModel, table=True):
    """What a workflow concluded about a subject. Immutable: a correction is a new revision."""

    __tablename__ = "label"
    workflow_id: int = _key(Integer)
    subject_id: int = _key(BigInteger)
    revision: int = _key(Integer)
    project_id: int = _number(default=None)
    answer: int = _number(SmallInteger, default=None)
    reason: int = _number(SmallInteger, default=None)
    log_odds: int = _big()
    votes: int = _number(default=None)
    version_id: int = _number(default=None)
    calibration: int = _number()
    routed_to: str | None = _words(null=True)
    machine_score: float | None = Field(default=None, sa_column=Column(Float, nullable=True))
    author: str | None = _words(null=True)
    why: str | None = _words(null=True)
    retired_at: datetime = _now()


class OutboxRow(SQLModel, table=True):
    """What happened, in the order of commits once the sequencer has given it a position.

    A kind uses the columns that it has a value for: a label's event its workflow, subject and revision; a promotion the
    volunteer; `detail` holds the rest.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_feed", "project_id", "position"),
        Index("outbox_unsequenced", "id", postgresql_where=text("position IS NULL")),
    )
    id: int = _identity()
    project_id: int = _number(default=None)
    kind: str = _words()
    workflow_id: int | None = _number(Integer, None, null=True)
    subject_id: int | None = _big(null=True)
    revision: int | None = _number(Integer, None, null=True)
    volunteer_id: int | None = _big(null=True)
    detail: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    created_at: datetime = _now()
    position: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True, unique=True))


class WebhookRow(SQLModel, table=True):
    """Where a project's events are posted to: `position` is the last that was taken, `failures` those in a row."""

    __tablename__ = "webhook"
    __table_args__ = (Index("webhook_due", "next_at", postgresql_where=text("paused_at IS NULL")),)
    id: int = _identity(Integer)
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False, index=True))
    url: str = _words()
    secret: str = _words()
    kinds: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    form: str = _words()
    position: int = _number(BigInteger)
    failures: int = _number()
    next_at: datetime = _now()
    created_at: datetime = _now()
    paused_at: datetime | None = _moment()
    why_paused: str | None = _words(null=True)


class WebhookDeliveryRow(SQLModel, table=True):
    """One attempt to post events to a webhook, and what came of it; `status` is null where no answer came."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (Index("webhook_delivery_log", "webhook_id", "id"),)
    id: int = _identity()
    webhook_id: int = Field(sa_column=Column(Integer, ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False))
    first_position: int = _big()
    last_position: int = _big()
    events: int = _number(default=None)
    attempt: int = _number(default=None)
    sent_at: datetime = _now()
    took_ms: int = _number(default=None)
    status: int | None = _number(SmallInteger, None, null=True)
    error: str | None = _words(null=True)


class PushKeyRow(SQLModel, table=True):
    """The private key (P-256, 32 bytes) by which push services know this service: one row, made once."""

    __tablename__ = "push_key"
    id: int = _key(SmallInteger)
    private_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = _now()


class PushSubscriptionRow(SQLModel, table=True):
    """A browser that a volunteer wants to be told things by; one endpoint belongs to one volunteer."""

    __tablename__ = "push_subscription"
    __table_args__ = (Index("push_subscription_volunteer", "volunteer_id", "renewed_at"),)
    id: UUID = _key(Uuid)
    volunteer_id: int = _big()
    endpoint: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    p256dh: str = _words()
    auth: str = _words()
    language: str | None = _words(null=True)
    renewed_at: datetime = _now()


class PushWishRow(SQLModel, table=True):
    """That a person wants to be told when there is more in a workflow; `look_at` is when to look for that next."""

    __tablename__ = "push_wish"
    __table_args__ = (Index("push_wish_due", "workflow_id", "look_at"),)
    person_id: int = _key(BigInteger)
    workflow_id: int = _key(Integer)
    since: datetime = _now()
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    look_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class PushToldRow(SQLModel, table=True):
    """When a person was told last that there is more."""

    __tablename__ = "push_told"
    person_id: int = _key(BigInteger)
    told_at: datetime = _now()


class PushMessageRow(SQLModel, table=True):
    """Something to be told to a subscription; `payload` holds the facts, which become words when they are sent.

    `attempts` counts the workers that took it up, `error` is what came of the last attempt.
    """

    __tablename__ = "push_message"
    __table_args__ = (Index("push_message_due", "next_at"), Index("push_message_of", "subscription_id"))
    id: int = _identity()
    subscription_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("push_subscription.id", ondelete="CASCADE"), nullable=False)
    )
    kind: str = _words()
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    attempts: int = _number()
    next_at: datetime = _now()
    error: str | None = _words(null=True)
    created_at: datetime = _now()


class UploadRow(SQLModel, table=True):
    """A file that a researcher sends in chunks; `received` is how far it has come, and `received_at` since when."""

    __tablename__ = "upload"
    __table_args__ = (UniqueConstraint("project_id", "sha256", "name"),)
    id: UUID = _key(Uuid)
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    name: str = _words()
    size_bytes: int = _big()
    sha256: str = _words()
    received: int = _number(BigInteger)
    received_at: datetime = _now()
    created_at: datetime = _now()
    completed_at: datetime | None = _moment()


class ImportJobRow(SQLModel, table=True):
    """An import that the worker does: from an upload or an address, with what became of its rows.

    `state` is waiting, running, done or failed; `problems` are the first bad rows. `taken_up` counts the workers that
    took it up, did not let it go, and came no further than line `furthest`.
    """

    __tablename__ = "import_job"
    __table_args__ = (
        Index("import_job_due", "id", postgresql_where=text("state IN ('waiting', 'running')")),
        Index("import_job_project", "project_id", "id"),
    )
    id: int = _identity(Integer)
    project_id: int = Field(sa_column=Column(Integer, ForeignKey("project.id"), nullable=False))
    kind: str = _words()
    upload_id: UUID | None = Field(default=None, sa_column=Column(Uuid, ForeignKey("upload.id"), nullable=True))
    url: str | None = _words(null=True)
    options: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(default=None, sa_column=Column(Text, nullable=False, server_default="waiting"))
    line: int = _number(BigInteger)
    lines: int = _number(BigInteger)
    furthest: int = _number(BigInteger)
    taken_up: int = _number(Integer)
    report: dict[str, int] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    problems: list[dict[str, Any]] = Field(
        default=None, sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    error: str | None = _words(null=True)
    created_at: datetime = _now()
    started_at: datetime | None = _moment()
    finished_at: datetime | None = _moment()


class ImportedVolunteerRow(SQLModel, table=True):
    """Who a name in somebody else's vote log is here: the same name of the same source is the same volunteer."""

    __tablename__ = "imported_volunteer"
    project_id: int = _key(Integer, ForeignKey("project.id"))
    source: str = _key(Text)
    name: str = _key(Text)
    volunteer_id: int = _big()


class ArchivedMonthRow(SQLModel, table=True):
    """A month of the ledger that lies in a Parquet file instead of a partition."""

    __tablename__ = "archived_month"
    month: date = _key(Date)
    path: str = _words()
    rows: int = _big()
    sha256: str = _words()
    archived_at: datetime = _now()


classification = Table(
    "classification",
    metadata,
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", SmallInteger, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("volunteer_id", BigInteger, nullable=False),
    Column("workflow_id", Integer, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("answer", SmallInteger, nullable=False),
    Column("flag", Boolean, nullable=False),
    Column("bucket", SmallInteger, nullable=False),
    Column("exclusion", SmallInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("if_yes", BigInteger, nullable=False),
    Column("if_no", BigInteger, nullable=False),
    Column("skill_revision", Integer, nullable=False),
    Column("version_id", Integer, nullable=False),
    Column("calibration", Integer, nullable=False, server_default=text("0")),
    Column("answered_at", DateTime(timezone=True), nullable=False),
    Column("dwell_ms", Integer, nullable=False),
    Column("session", Text, nullable=True),
    Column("utc_offset_minutes", SmallInteger, nullable=True),
    Column("language", Text, nullable=True),
    Column("source", Text, nullable=False),
    Column("truth", SmallInteger, nullable=True),
    Index("classification_received", "received_at"),
    postgresql_partition_by="RANGE (received_at)",
)
"""The ledger of swipes and retractions: append-only, partitioned by month, one row for each that was stored.

The index is what who follows the log reads by: a page of 1,000 out of 500,000 takes 5 ms instead of 450.
"""

ROOM_FOR_UPDATES = {"stage": 60, "card": 40, "skill": 70, "swipe_key": 95, "outbox": 80}
"""Per cent of a page that inserts may fill; the rest is room for HOT updates. A card is written twice, wider then."""

for _table, _share in ROOM_FOR_UPDATES.items():
    event.listen(
        metadata.tables[_table],
        "after_create",
        DDL(f"ALTER TABLE {_table} SET (fillfactor = {_share})"),  # type: ignore[no-untyped-call]  # untyped upstream
    )
event.listen(
    classification,
    "after_create",
    DDL("CREATE TABLE classification_default PARTITION OF classification DEFAULT"),  # type: ignore[no-untyped-call]  # untyped upstream
)


def is_declared(_item: object, name: str | None, kind: str, *_: object) -> bool:
    """Tell Alembic what to compare: everything but the ledger's partitions, which come and go."""
    return kind != "table" or not (name or "").startswith("classification_")
