"""The closed sets of words that the engine, the store and the wire share.

The numbers are stored (`smallint`) and never change their meaning; the wire says `word`, the
member's name in lower case.
"""

from enum import IntEnum
from typing import Final

NO_ANSWER: Final = -1
"""Stands in arrays and columns of answers where no answer was given or decided."""


class _Word(IntEnum):
    """A stored number with a word for the wire."""

    @property
    def word(self) -> str:
        """The name on the wire, such as `classification_count`."""
        return self.name.lower()


class Answer(_Word):
    """What a volunteer says of a subject; a decided answer is `NO` or `YES`."""

    NO = 0
    YES = 1
    UNSURE = 2


class StageState(_Word):
    """How far a subject has come in one workflow."""

    OPEN = 0
    CONTESTED = 1
    RETIRED = 2
    WITHDRAWN = 3


class Reason(_Word):
    """Why a subject was retired, in Panoptes' words."""

    NONE = 0
    CLASSIFICATION_COUNT = 1
    FLAGGED = 2
    NOTHING_HERE = 3
    CONSENSUS = 4
    OTHER = 5
    HUMAN = 6


class Bucket(_Word):
    """Which sum of its subject a vote went to."""

    IGNORED = 0
    PROVEN = 1
    UNPROVEN = 2
    GOLD = 3
    LATE = 4
    AUDIT = 5


class PolicyKind(_Word):
    """The rule by which a workflow decides."""

    SEQUENTIAL = 0
    COUNT = 1
    LEAD = 2


class EntryKind(_Word):
    """What an entry of the ledger does: give a vote, or take one back."""

    VOTE = 0
    RETRACTION = 1


class Tier(_Word):
    """The pile from which a subject is dealt; `LIKELY` is one that a machine score holds for a yes."""

    ORDINARY = 0
    LIKELY = 1
    CONTESTED = 2
    AUDIT = 3


class Exclusion(_Word):
    """Why a stored vote does not count towards the label of its subject."""

    NONE = 0
    LATE = 1
    AUDIT = 2
    GOLD = 3
    LEVEL_LOST = 4
    CARD_EXPIRED = 5
    RETRACTED = 6
    WORKFLOW_RETIRED = 7
    GOLD_WITHDRAWN = 8
    IMPORTED = 9
    TOO_FAST = 10
    BANNED = 11
    MERGED = 12
