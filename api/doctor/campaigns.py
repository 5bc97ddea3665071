"""The campaigns: what keeps volunteers from being dealt cards, and researchers from hearing of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from api.doctor.findings import Finding, note, ok, wrong
from api.media.images import key
from api.media.storage import Storage
from api.services.published import Published
from api.store.checkup import FailingPush, OpenImport, Picture, Project, TroubledWebhook, Unfitted
from cascade.graph import Sequential
from cascade.skill import GOLD_TO_PROVE

WAITING_SECONDS: Final = 300.0
RUNNING_SECONDS: Final = 12 * 3600.0
SAMPLED: Final = 25
MANY_VOLUNTEERS: Final = 3
"""Whom a push service fails so many is to be looked after; of one or two the browser may be to blame."""
LATE_PERIODS: Final = 3
"""How many refits may be missed before it is worth a word."""


def check_project(
    project: Project, published: Published | None, gold: Mapping[str, tuple[int, int]]
) -> Iterator[Finding]:
    """See whether a project has what its workflows need; `gold` counts those of truth no and yes by workflow."""
    check = f"project {project.slug}"
    if published is None:
        yield note(check, "has no cascade", "write one, and `chaffinch publish` it")
        return
    if not project.has_subjects:
        yield wrong(check, "is published and has no subjects", "`chaffinch subjects import` brings them")
        return
    poor = [
        f"{workflow.name} has {no} of no and {yes} of yes"
        for workflow in published.cascade.workflows
        if isinstance(workflow.policy, Sequential)
        for no, yes in [gold.get(workflow.name, (0, 0))]
        if min(no, yes) < GOLD_TO_PROVE
    ]
    if poor:
        remedy = f"import {GOLD_TO_PROVE} training subjects of each answer at least; 20 or more of each are better"
        yield wrong(check, f"too little gold to learn who can see: {'; '.join(poor)}", remedy)
    else:
        yield ok(check, f"version {published.number} is in force, with subjects")


def check_refits(project: Project, published: Published | None, unfitted: Sequence[Unfitted]) -> Iterator[Finding]:
    """Look for votes that no refit has looked at for `LATE_PERIODS`, of workflows that decide by evidence."""
    for workflow in unfitted:
        if published is None or workflow.workflow_id not in published.names:
            continue
        if isinstance(published.workflow(workflow.workflow_id).policy, Sequential):
            age = workflow.age_seconds
            last = "never refitted" if age is None else f"refitted {age / 3600:,.0f} hours ago"
            yield wrong(
                f"project {project.slug}",
                f"votes come in, and {workflow.name} was {last}",
                "start `chaffinch worker`, or see its log; `chaffinch refit` does it now",
            )


def check_scores(project: Project, alarms: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Pass on what the last refits found amiss with machine scores."""
    for workflow, alarm in alarms:
        remedy = f"`chaffinch scores check {project.slug}` says more"
        yield note(f"project {project.slug}", f"{workflow}: {alarm}", remedy)


def check_webhooks(webhooks: Sequence[TroubledWebhook]) -> Iterator[Finding]:
    """Look at deliveries that fail."""
    for hook in webhooks:
        said = f"webhook {hook.id} of {hook.project}"
        if hook.paused:
            yield wrong(
                "webhooks", f"{said} is paused: {hook.why_paused or 'by hand'}", "mend the receiver, then resume it"
            )
        else:
            yield note("webhooks", f"{said} failed {hook.failures} times in a row", "see its log of deliveries")
    if not webhooks:
        yield ok("webhooks", "none fails")


def check_push(services: Sequence[FailingPush], subject: str) -> Iterator[Finding]:
    """Look for push services that have taken no message for a day, the worst first."""
    if not services:
        yield ok("push", "no message has failed for a day")
        return
    worst, others = services[0], len(services) - 1
    said = f"{worst.host} has not taken {worst.messages} messages to {worst.volunteers} volunteers for a day"
    more = f", nor have {others} other hosts taken theirs" if others else ""
    found = f"{said} ({worst.error}){more}"
    remedy = f"see the worker's log; push services are told to turn to {subject} (CHAFFINCH_PUSH_CONTACT)"
    told = wrong if worst.volunteers >= MANY_VOLUNTEERS else note
    yield told("push", found, remedy)


def check_imports(imports: Sequence[OpenImport]) -> Iterator[Finding]:
    """Look at imports that do not get on."""
    found = [finding for each in imports if (finding := _import(each)) is not None]
    yield from found or [ok("imports", f"{len(imports)} under way" if imports else "none is stuck")]


def _import(job: OpenImport) -> Finding | None:
    said = f"import {job.id} of {job.project}"
    if job.state == "failed":
        return note(
            "imports", f"{said} has failed: {job.error or 'its rows say why'}", "correct what it names; start anew"
        )
    if job.state == "waiting" and job.age_seconds > WAITING_SECONDS:
        minutes = job.age_seconds / 60
        return wrong("imports", f"{said} has waited for {minutes:,.0f} minutes", "start `chaffinch worker`")
    if job.state == "running" and job.age_seconds > RUNNING_SECONDS:
        hours = job.age_seconds / 3600
        return note("imports", f"{said} has run for {hours:,.0f} hours", "see how far it is, and the worker's log")
    return None


def check_pictures(pictures: Sequence[Picture], storage: Storage) -> Iterator[Finding]:
    """Look whether some pictures are where they should be."""
    missing = [
        picture
        for picture in pictures
        if (place := key(picture.digest, picture.width)) is None or storage.head(place) is None
    ]
    if missing:
        yield wrong(
            "subjects",
            f"{len(missing)} of {len(pictures)} pictures looked for are missing, one of S{missing[0].subject_id}",
            "point CHAFFINCH_DATA_DIR or CHAFFINCH_MEDIA_URL at the pictures, or import the manifest again",
        )
    elif pictures:
        yield ok("subjects", f"{len(pictures)} pictures were looked for, and are there")
