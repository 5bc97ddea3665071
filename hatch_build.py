"""Sees to it that a wheel carries the phone client: one without it would serve no page."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CarryClient(BuildHookInterface[Any]):
    """Refuses to build a wheel before the client is built. An editable install may come first."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Look for the client."""
        del build_data
        page = Path(self.root) / "api" / "client" / "index.html"
        if version != "editable" and not page.exists():
            raise SystemExit("the phone client is not built, and belongs into the wheel: run `make client` first")
