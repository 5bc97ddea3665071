"""How often somebody may ask, over the small table of the garden and at the counter itself."""

import time
from hashlib import sha256

import httpx2
import pytest
from starlette.routing import Router

from api.account_errors import TooManyRequestsError
from api.caller import Caller, Scope
from api.http import rates as module
from api.http.adapter import routes
from api.http.rates import Allowance, Rates, address_of
from api.metrics import OURS
from api.settings import Settings
from mobile_schemas.problems import ProblemOut
from tests.http.garden import HANDLERS, RESEARCHER_TOKEN, TABLE, TOKEN, Garden, authenticate

LONG = 3600


def limited(rates: Rates) -> Router:
    return Router(routes(TABLE, HANDLERS, authenticate, Garden, rates=rates))


async def asked(rates: Rates, address: str, path: str = "/nests", token: str | None = None) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=limited(rates), client=(address, 1234))
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://garden", headers=headers) as client:
        return await client.post(path, json={"eggs": 3}) if token else await client.get(path)


async def test_a_burst_passes_a_flood_is_refused_and_another_address_is_not_affected() -> None:
    rates = Rates(Allowance({"address": (3, LONG)}))

    burst = [(await asked(rates, "192.0.2.1")).status_code for _ in range(3)]
    flood = await asked(rates, "192.0.2.1")
    other = await asked(rates, "192.0.2.2")

    assert burst == [200, 200, 200]
    assert (flood.status_code, flood.json()["type"]) == (429, "/problems/too-many-requests")
    assert 1 <= int(flood.headers["retry-after"]) <= LONG
    ProblemOut.model_validate_json(flood.content)
    assert other.status_code == 200


async def test_who_waits_as_long_as_is_said_is_served() -> None:
    rates = Rates(Allowance({"address": (2, 1)}))
    deadline = time.monotonic() + 5
    while (refused := await asked(rates, "192.0.2.1")).status_code == 200:
        assert time.monotonic() < deadline, "nothing is refused"

    while (await asked(rates, "192.0.2.1")).status_code == 429:
        assert time.monotonic() < deadline, "the window does not end"
    assert int(refused.headers["retry-after"]) == 1


async def test_each_token_has_a_count_of_its_own_whatever_its_address() -> None:
    rates = Rates(Allowance({"token": (2, LONG), "address": (1, LONG)}))

    mine = [(await asked(rates, "192.0.2.1", token=TOKEN)).status_code for _ in range(3)]
    elsewhere = (await asked(rates, "192.0.2.9", token=TOKEN)).status_code
    stranger = (await asked(rates, "192.0.2.1")).status_code

    assert (mine, elsewhere, stranger) == ([201, 201, 429], 429, 200)


async def test_a_token_that_asks_too_much_is_refused_before_it_is_looked_up() -> None:
    looked_up = []

    async def authenticating(garden: Garden, digest: bytes, believing: bool) -> Caller | None:
        looked_up.append(digest)
        return await authenticate(garden, digest, believing)

    rates = Rates(Allowance({"token": (1, LONG)}))
    app = Router(routes(TABLE, HANDLERS, authenticating, Garden, rates=rates))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://garden", headers=headers
    ) as client:
        answers = [(await client.post("/nests", json={"eggs": 1})).status_code for _ in range(3)]

    assert (answers, len(looked_up)) == ([201, 429, 429], 1)


async def test_wrong_tokens_are_limited_by_address_and_tokens_that_are_known_go_on() -> None:
    rates = Rates(Allowance({"wrong_token": (2, LONG)}))
    assert (await asked(rates, "192.0.2.1", token=TOKEN)).status_code == 201

    wrong = [(await asked(rates, "192.0.2.1", token=f"chf_guess_{n}")).status_code for n in range(4)]

    assert wrong == [401, 401, 429, 429]
    assert (await asked(rates, "192.0.2.1", token=TOKEN)).status_code == 201
    assert (await asked(rates, "192.0.2.2", token="chf_guess")).status_code == 401


async def test_programs_have_a_limit_of_their_own() -> None:
    rates = Rates(Allowance({"token": (1, LONG), "program": (3, LONG)}))

    answers = [(await asked(rates, "192.0.2.1", token=RESEARCHER_TOKEN)).status_code for _ in range(4)]

    assert answers == [403, 403, 403, 429]


async def test_what_is_refused_is_counted_by_its_limit() -> None:
    def counted() -> float:
        return OURS.get_sample_value("chaffinch_limited_total", {"limit": "registration"}) or 0

    rates, before = Rates(Allowance({"registration": (1, LONG)})), counted()
    await rates.admit_stranger("registration", "192.0.2.1")
    with pytest.raises(TooManyRequestsError):
        await rates.admit_stranger("registration", "192.0.2.1")

    assert counted() == before + 1


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_of_ip6_counts_as_its_network(host: str, counted_as: str) -> None:
    assert address_of({"type": "http", "client": (host, 1)}) == counted_as


def test_who_has_no_address_is_not_counted() -> None:
    assert address_of({"type": "http", "client": None}) is None


async def test_a_flood_from_everywhere_takes_no_more_memory_and_leaves_those_who_were_here_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_WINDOWS", 50)
    rates = Rates(Allowance({"address": (10, LONG)}))
    await rates.admit_stranger("usual", "192.0.2.1")

    refused = 0
    for number in range(500):
        try:
            await rates.admit_stranger("usual", f"2001:db8:{number:x}::/64")
        except TooManyRequestsError:
            refused += 1
    await rates.admit_stranger("usual", "192.0.2.1")

    assert refused > 400
    assert len(rates._windows.storage) <= 52


async def test_windows_that_are_over_are_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.0)
    rates, deadline = Rates(Allowance({"address": (10, 1)})), time.monotonic() + 10
    for number in range(100):
        await rates.admit_stranger("usual", f"192.0.2.{number}")

    while len(rates._windows.storage) > 1:
        assert time.monotonic() < deadline, "nothing is swept away"
        await rates.admit_stranger("files", None)
        await rates._windows.incr("LIMITER/probe", 0.01)


def test_zero_is_no_limit_and_one_setting_turns_all_off() -> None:
    some = Allowance.of(Settings(limit_token=0, limit_address=7)).limits

    assert "token" not in some
    assert some["address"] == (7, 60)
    assert Allowance.of(Settings(limits=False)).limits == {}


async def test_a_whole_school_that_begins_at_once_and_a_fast_swiper_are_never_refused() -> None:
    rates = Rates(Allowance.of(Settings()))

    for phone in range(200):
        token = sha256(b"%d" % phone).digest()
        await rates.admit_stranger("registration", "192.0.2.1")
        for _ in range(9):
            await rates.admit_stranger("usual", "192.0.2.1")
        for _ in range(120):
            await rates.admit_stranger("files", "192.0.2.1")
        await rates.admit_bearer(token, "usual", "192.0.2.1")
        await rates.found(token, Scope.VOLUNTEER)
    for _ in range(3 * 60 + 60):
        await rates.admit_bearer(sha256(b"1").digest(), "usual", "192.0.2.1")
