from pathlib import Path

import pytest
from pydantic import ValidationError

from api.settings import Settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAFFINCH_DATA_DIR", "/somewhere else")
    monkeypatch.setenv("CHAFFINCH_PROCESSES", "2")

    settings = Settings()

    assert (settings.data_dir, settings.processes) == (Path("/somewhere else"), 2)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAFFINCH_DATABASE_URL", "")
    monkeypatch.setenv("CHAFFINCH_PORT", "")

    settings = Settings()

    assert (settings.database_url, settings.port) == (None, 8000)


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "65536"), ("PROCESSES", "0"), ("LOG_LEVEL", "loud"), ("HOT_POOL_SIZE", "many")]
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CHAFFINCH_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()
