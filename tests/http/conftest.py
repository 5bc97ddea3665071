"""A client of the small table of `tests.http.garden`."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.http.garden import Garden, planted


@pytest.fixture
def garden() -> Garden:
    return Garden()


@pytest.fixture
async def client(garden: Garden) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=planted(garden))
    async with httpx2.AsyncClient(transport=transport, base_url="http://garden") as client:
        yield client
