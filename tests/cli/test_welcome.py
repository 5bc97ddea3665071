"""What the demonstration says of where to go."""

import pytest

from api.cli.welcome import addresses, where_to_go

LOCAL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("host", "local", "in_network"),
    [
        ("127.0.0.1", LOCAL, None),
        ("localhost", "http://localhost:8000", None),
        ("::1", "http://[::1]:8000", None),
        ("192.0.2.7", "http://192.0.2.7:8000", "http://192.0.2.7:8000"),
        ("finches.example", "http://finches.example:8000", "http://finches.example:8000"),
    ],
)
def test_what_listens_on_this_machine_only_has_no_address_for_others(
    host: str, local: str, in_network: str | None
) -> None:
    assert addresses(host, 8000) == (local, in_network)


@pytest.mark.parametrize(("host", "local"), [("0.0.0.0", LOCAL), ("::", "http://[::1]:8000")])
def test_what_listens_everywhere_has_this_machine_s_own_address(host: str, local: str) -> None:
    here, in_network = addresses(host, 8000)

    assert here == local
    assert in_network is None or in_network.endswith(":8000")  # None where a machine has no network at all
    assert in_network not in {local, f"http://{host}:8000", f"http://[{host}]:8000"}


def test_the_phone_s_page_comes_first() -> None:
    lines = where_to_go("finches", LOCAL, None).splitlines()

    assert lines[1:3] == [f"  {LOCAL}/p/finches", f"  {LOCAL}/ has all projects"]
    assert "  CHAFFINCH_HOST=0.0.0.0 make demo" in lines
    assert any(line.endswith(" crowd --volunteers 50") for line in lines)
    assert not any("curl" in line for line in lines)


def test_a_phone_is_told_the_address_in_the_network() -> None:
    said = where_to_go("finches", "http://127.0.0.1:8001", "http://192.0.2.7:8001")

    assert "\n  http://192.0.2.7:8001/p/finches\n" in said
    assert " crowd --volunteers 50 --url http://127.0.0.1:8001\n" in said
    assert "CHAFFINCH_HOST" not in said
