"""What the service says of each swipe, as the contract has it (`mobile_schemas.classifications.VerdictOut`)."""

from typing import Any

from cascade.vocabulary import Answer, Exclusion
from mobile_schemas.classifications import ClassificationIn

Verdict = dict[str, Any]

COUNTED = frozenset({Exclusion.NONE, Exclusion.GOLD, Exclusion.AUDIT})
"""Votes that did what the volunteer was asked for; the audit is for us to know."""

_KEPT = {
    Exclusion.LATE: "The subject was decided before this answer arrived. The answer is kept, and does not count.",
    Exclusion.LEVEL_LOST: "Your level in this project no longer reaches this workflow. The answer is kept, and does not"
    " count.",
    Exclusion.CARD_EXPIRED: "The card was dealt too long ago. The answer is kept, and does not count.",
    Exclusion.RETRACTED: "You took this answer back. It does not count; you may answer again under a new id.",
    Exclusion.WORKFLOW_RETIRED: "This question is no longer asked. The answer is kept, and does not count.",
    Exclusion.TOO_FAST: "This came faster than anybody can look at a picture. The answer is kept, and does not count.",
    Exclusion.BANNED: "You are banned from this project. The answer is kept, and does not count.",
    Exclusion.MERGED: "You had answered this subject before, under another name: the earlier answer counts.",
    Exclusion.GOLD_WITHDRAWN: "This subject is no longer part of the training. The answer is kept, and does not count.",
}

_REJECTED = {
    "unknown_workflow": ("workflow", "There is no such workflow; send the number that came with the deck."),
    "unknown_subject": ("subject", "There is no such subject; send the id that came with the card."),
    "never_dealt": (
        "subject",
        "This subject was not dealt to you in this workflow; ask for a deck, and answer its cards.",
    ),
    "already_answered": ("subject", "You have answered this card under another id; retract that answer to change it."),
    "id_reused": ("id", "You have used this id for another card; every answer needs an id of its own (UUIDv7)."),
}


def kept_or_created(item: ClassificationIn, exclusion: int, truth: int | None, explanation: str | None) -> Verdict:
    """Return the verdict of a swipe that has just been stored."""
    if exclusion in COUNTED:
        verdict: Verdict = {"id": item.id, "verdict": "created"}
    else:
        why = Exclusion(exclusion)
        verdict = {"id": item.id, "verdict": "kept", "reason": why.word, "detail": _KEPT[why]}
    if truth is not None:
        verdict["feedback"] = _feedback(item.answer, truth, explanation)
    return verdict


def duplicate(
    item: ClassificationIn, exclusion: int, answer: int | None, truth: int | None, explanation: str | None
) -> Verdict:
    """Return the verdict of a swipe that was stored before: what became of it then, in the same words."""
    stored = item if answer is None else item.model_copy(update={"answer": Answer(answer).word})
    return again(kept_or_created(stored, exclusion, truth, explanation))


def again(verdict: Verdict) -> Verdict:
    """Return the verdict of a repetition of a swipe that has this verdict."""
    return verdict | {"verdict": "duplicate", "outcome": verdict.get("outcome", verdict["verdict"])}


def rejected(item: ClassificationIn, reason: str) -> Verdict:
    """Return the verdict of a swipe that will never be stored: which field is wrong, and what would be right."""
    field, detail = _REJECTED[reason]
    return {"id": item.id, "verdict": "rejected", "reason": reason, "field": field, "detail": detail}


def retry(item: ClassificationIn) -> Verdict:
    """Return the verdict of a swipe that could not be stored this time."""
    return {"id": item.id, "verdict": "retry", "reason": "busy", "detail": "Please send this answer again."}


def _feedback(answer: str, truth: int, explanation: str | None) -> dict[str, Any]:
    known = Answer(truth).word
    return {"gold": True, "answer": known, "right": answer == known, "explanation": explanation}
