"""Bodies: what is refused, and how the refusal says what would be right."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.http.garden import Garden, a_swipe, bearer, pointers, post, problem, swipes


@pytest.mark.parametrize(
    "media_type",
    ["application/json; charset=utf-8", "application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"'],
)
async def test_json_may_say_that_it_is_utf_8(client: httpx2.AsyncClient, media_type: str) -> None:
    response = await post(client, "/nests", '{"eggs": 3}', **{"content-type": media_type})

    assert response.status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/json; charset=latin-1", "application/jsonp", ""])
async def test_another_media_type_is_refused(client: httpx2.AsyncClient, media_type: str) -> None:
    response = await post(client, "/nests", '{"eggs": 3}', **{"content-type": media_type})

    assert response.status_code == 415
    assert "application/json" in problem(response)["detail"]


async def test_a_body_without_a_media_type_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.post("/nests", content=b'{"eggs": 3}', headers=bearer())

    assert response.status_code == 415
    assert "no Content-Type" in problem(response)["detail"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"eggs": 3', "line 1 column 10"),
        (b'{"eggs":\n 3,}', "line 2 column 4"),
        (b"", "line 1 column 0"),
        (b'{"note": "\xff"}', "line 1 column"),
        (b"\xff\xfe{\x00}\x00", "line 1 column 1"),
        (b'\xef\xbb\xbf{"eggs": 3}', "without a byte order mark"),
        (b'{"note": "\\ud800"}', "line 1 column"),
        (b"[" * 100_000, "recursion limit"),
    ],
)
async def test_broken_json_is_told_with_its_place(client: httpx2.AsyncClient, body: bytes, where: str) -> None:
    response = await post(client, "/nests", body)

    assert response.status_code == 400
    assert where in problem(response)["detail"]


async def test_every_bad_field_is_named_with_what_would_be_right(client: httpx2.AsyncClient, garden: Garden) -> None:
    response = await post(client, "/nests", '{"eggs": "three", "note": "far too long for it", "egs": 1}')

    assert response.status_code == 422
    assert problem(response) == {
        "type": "/problems/invalid-input",
        "title": "The input is not what it should be",
        "status": 422,
        "detail": "3 things are wrong; nothing was stored",
        "instance": "/nests",
        "errors": [
            {"pointer": "/eggs", "parameter": None, "problem": 'is "three"', "remedy": "a whole number 1 to 6"},
            {
                "pointer": "/note",
                "parameter": None,
                "problem": "a text of 19 characters",
                "remedy": "a text of 0 to 10 characters",
            },
            {"pointer": "/egs", "parameter": None, "problem": "unknown", "remedy": "leave it out, or say eggs"},
        ],
    }
    assert garden.laid == []


@pytest.mark.parametrize("body", ["[]", "null", "3", '"eggs"', "true"])
async def test_a_body_that_is_no_object_is_told_the_fields(client: httpx2.AsyncClient, body: str) -> None:
    response = await post(client, "/nests", body)

    assert pointers(response) == [""]
    assert problem(response)["errors"][0]["remedy"] == "an object with the fields eggs, note"


@pytest.mark.parametrize("eggs", ["3.5", "true", '"3"', "null", "0", "7", "1e1", "NaN", "9" * 400])
async def test_a_number_is_a_whole_number_within_its_bounds(client: httpx2.AsyncClient, eggs: str) -> None:
    response = await post(client, "/nests", f'{{"eggs": {eggs}}}')

    assert pointers(response) == ["/eggs"]


@pytest.mark.parametrize(("written", "read"), [("28", 28), ("28.0", 28), ("2.8e1", 28)])
async def test_a_whole_number_is_what_json_schema_calls_an_integer(
    client: httpx2.AsyncClient, written: str, read: int
) -> None:
    key = "3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a"
    response = await post(client, "/decks", f'{{"key": "{key}", "size": {written}, "width": 1080}}')

    assert (response.status_code, response.json()["size"]) == (200, read)


@pytest.mark.parametrize("size", ["28.5", "true", '"28"', "null", "51", "51.0", "-0.1", "NaN", "Infinity", "9" * 400])
async def test_another_number_is_told_the_bounds(client: httpx2.AsyncClient, size: str) -> None:
    key = "3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a"
    response = await post(client, "/decks", f'{{"key": "{key}", "size": {size}, "width": 1080}}')

    assert pointers(response) == ["/size"]
    assert "a whole number 1 to 50" in problem(response)["errors"][0]["remedy"]


async def test_pointers_escape_what_json_pointers_must(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/nests", '{"eggs": 1, "a/b~c": 1}')

    assert pointers(response) == ["/a~1b~0c"]


async def test_a_field_of_an_endless_name_is_named_in_short(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/nests", json.dumps({"eggs": 1, "x" * 100_000: 1}))

    assert pointers(response) == [f"/{'x' * 60}..."]


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"id": "1ff2d3c4-0000-4000-8000-000000000000"}, "a UUID of version 7"),
        ({"id": "01932c072f5a7c3e8d513f6f0c4b579a"}, "hyphenated form"),
        ({"id": "01932c07-2f5a-7c3e-0d51-3f6f0c4b579a"}, "RFC 9562"),
        ({"workflow": 2**31}, "a whole number 1 to 2147483647"),
        ({"workflow": "3"}, "a whole number"),
        ({"subject": "12"}, 'such as "S12"'),
        ({"subject": "S0"}, "^S[1-9][0-9]{0,17}$"),
        ({"subject": "S12\n"}, "^S[1-9][0-9]{0,17}$"),
        ({"subject": "S" + "9" * 19}, "^S[1-9][0-9]{0,17}$"),
        ({"answer": "maybe"}, "one of yes, no, unsure"),
        ({"answered_at": "2026-11-21T09:30:00"}, "offset from UTC"),
        ({"answered_at": "1795253400"}, "a date and time"),
        ({"answered_at": 1795253400}, "a date and time"),
        ({"answered_at": "1969-07-20T20:17:40Z"}, "years 2000 to 2100"),
        ({"answered_at": "2026-02-30T00:00:00Z"}, "a date and time"),
        ({"answered_at": "2026-11-21T09:30:00+99:00"}, "offset from UTC"),
        ({"dwell_ms": -1}, "a whole number 0 to 2147483647"),
        ({"dwell_ms": 2**31}, "a whole number 0 to 2147483647"),
        ({"session": "a\0b"}, "a text of 1 to 64 characters"),
        ({"session": ""}, "a text of 1 to 64 characters"),
        ({"utc_offset_minutes": 841}, "a whole number -720 to 840"),
        ({"language": "Deutsch!"}, "BCP 47"),
        ({"flag": "true"}, "true or false"),
        ({"favourite": 1}, "true or false"),
        ({"anwser": "yes"}, "leave it out, or say answer"),
    ],
)
async def test_a_wrong_swipe_is_told_where_and_what_would_be_right(
    client: httpx2.AsyncClient, change: dict[str, object], remedy: str
) -> None:
    response = await post(client, "/swipes", swipes(a_swipe(), a_swipe(**change)))

    assert pointers(response) == [f"/classifications/1/{next(iter(change))}"]
    assert remedy in problem(response)["errors"][0]["remedy"]


async def test_a_swipe_that_lacks_a_field_is_told_which(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/swipes", swipes({}))

    required = ["id", "workflow", "subject", "answer", "answered_at", "dwell_ms"]
    assert pointers(response) == [f"/classifications/0/{name}" for name in required]
    assert {error["problem"] for error in problem(response)["errors"]} == {"missing"}


@pytest.mark.parametrize("items", [0, 101])
async def test_a_batch_has_1_to_100_swipes(client: httpx2.AsyncClient, items: int) -> None:
    response = await post(client, "/swipes", swipes(*[a_swipe()] * items))

    assert pointers(response) == ["/classifications"]
    assert problem(response)["errors"][0]["remedy"] == "a list of 1 to 100 items"


async def test_a_full_batch_with_one_wrong_field_each_is_listed_whole(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/swipes", swipes(*[a_swipe(answer="?")] * 100))

    assert pointers(response) == [f"/classifications/{place}/answer" for place in range(100)]


async def test_more_wrong_fields_than_anyone_reads_are_counted(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/nests", json.dumps({"eggs": 1, **{f"x{n}": 1 for n in range(1000)}}))

    told = problem(response)
    assert told["detail"] == "1000 things are wrong, of which the first 200 are listed; nothing was stored"
    assert len(told["errors"]) == 200


@pytest.mark.parametrize("name", ["", " Robin", "Robin ", "Ro\0bin", "Ro\nbin", "Ro\u202ebin", "\u200b", "R" * 41, 3])
async def test_a_name_is_visible_text(client: httpx2.AsyncClient, name: object) -> None:
    response = await post(client, "/names", json.dumps({"name": name}))

    assert pointers(response) == ["/name"]


@pytest.mark.parametrize("name", ["R", "Red Robin", "Zoë", "小鳥", "o'Neill", "🐦"])
async def test_a_name_may_be_of_any_script(client: httpx2.AsyncClient, name: str) -> None:
    response = await post(client, "/names", json.dumps({"name": name}))

    assert (response.status_code, response.json()) == (200, {"name": name})


async def test_a_body_of_10_mb_is_refused_before_it_is_read(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/nests", b" " * 10_000_000)

    assert response.status_code == 413
    assert "200000 bytes" in problem(response)["detail"]


async def test_a_chunked_body_is_measured_as_it_comes(client: httpx2.AsyncClient) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b" " * 20_000

    response = await client.post("/nests", content=endless(), headers={"content-type": "application/json", **bearer()})

    assert response.status_code == 413
    assert taken == 11


async def test_a_body_in_pieces_is_put_together(client: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"eg', b"", b'gs": 2', b"}"):
            yield piece

    response = await client.post("/nests", content=pieces(), headers={"content-type": "application/json", **bearer()})

    assert response.json() == {"eggs": 2}
