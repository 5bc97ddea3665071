"""One served campaign for all tests of the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.postgres.home import Home
from api.postgres.probe import execute
from api.settings import LoginProvider, Settings
from mobile_schemas.imports import UPLOAD_MOST_BYTES
from tests.contract.campaign import ORIGIN, Campaign, served


@pytest.fixture(scope="package")
def campaign(server_home: Home, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder: Path = tmp_path_factory.mktemp("campaign")
    execute(server_home.run, "postgres", f"CREATE DATABASE contract TEMPLATE {migrated_template}")
    settings = Settings(
        data_dir=folder,
        database_url=server_home.url("contract"),
        upload_limit_bytes=UPLOAD_MOST_BYTES,
        limits=False,  # all requests of these tests, thousands a minute, come from one address
        public_url=ORIGIN,
        logins=(LoginProvider(name="club", title="The club", kind="discord", client_id="tests"),),
    )
    with served(settings) as campaign:
        yield campaign
    execute(server_home.run, "postgres", "DROP DATABASE contract WITH (FORCE)")
