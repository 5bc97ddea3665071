"""The rules of levels that a cascade declares."""

from cascade.graph import Cascade
from gamification.levels import Rule


def rules_of(cascade: Cascade) -> tuple[Rule, ...]:  # noqa: ARG001 - cascades declare none yet
    """Return the rules of a cascade, the lowest level first."""
    return ()
