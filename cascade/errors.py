"""What can go wrong in the engine: one base class, one class per situation, the values as attributes."""

from collections.abc import Sequence


class CascadeError(Exception):
    """Something that the cascade engine refuses."""


class UnknownWorkflowError(CascadeError):
    """A name that no workflow of the cascade has."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"No workflow is called {name!r}; this cascade has {', '.join(known)}.")
        self.name = name
        self.known = tuple(known)


class CyclicCascadeError(CascadeError):
    """Workflows that lead back to themselves, so that a subject might never leave the cascade."""

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(f"The cascade runs in a circle: {' -> '.join(cycle)}.")
        self.cycle = tuple(cycle)
