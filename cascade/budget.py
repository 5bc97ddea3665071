"""How a share of misses that a whole cascade may have is best divided between its stages.

A subject that is truly *yes* must be called so at every stage, so misses add up. Where a stage may miss less its
subjects take more votes: about ln(1/miss) divided by what one vote tells, for every subject that reaches it.
"""

from collections.abc import Sequence


def split_budget(total: float, reaching: Sequence[float], information: Sequence[float]) -> tuple[float, ...]:
    """Return the miss of each stage that keeps to a total and asks for the fewest votes.

    The least of sum(c ln(1/b)) at a given sum(b) is at b = total c / sum(c) with the cost c = reaching / information,
    by Lagrange's rule.

    Parameters
    ----------
    total
        The share of the true yes that may be missed in all, above 0 and below 1.
    reaching
        The share of all subjects that reach each stage, above 0.
    information
        What one vote at each stage tells on average, in nats, above 0.
    """
    costs = [share / nats for share, nats in zip(reaching, information, strict=True)]
    return tuple(total * cost / sum(costs) for cost in costs)
