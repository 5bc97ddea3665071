"""Vote logs are read whole, or refused with one line that says what is wrong."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.replay.vote_logs import Vote, VoteLog, WrongVoteLogError, read
from cascade.vocabulary import Answer

LOG = "item,worker,answer,gold\na,w1,yes,yes\na,w2,no,yes\nb,w1,maybe,\n"


def a_file(folder: Path, content: str | bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_log_is_read_with_items_and_workers_by_their_place(tmp_path: Path) -> None:
    assert read(a_file(tmp_path, LOG)) == VoteLog(
        items=["a", "b"],
        workers=["w1", "w2"],
        votes=[Vote(0, 0, Answer.YES), Vote(0, 1, Answer.NO), Vote(1, 0, Answer.UNSURE)],
        gold={0: Answer.YES},
        repeated=0,
    )


def test_a_gzipped_log_reads_the_same_whatever_its_name(tmp_path: Path) -> None:
    assert read(a_file(tmp_path, gzip.compress(LOG.encode()))) == read(a_file(tmp_path, LOG, "plain.csv"))


def test_only_the_first_vote_of_a_worker_on_an_item_is_taken(tmp_path: Path) -> None:
    log = read(a_file(tmp_path, LOG + "a,w1,no,yes\n"))

    assert (len(log.votes), log.votes[0].answer, log.repeated) == (3, Answer.YES, 1)


def test_time_and_dwell_are_kept_where_they_can_be_read(tmp_path: Path) -> None:
    content = (
        "item,worker,answer,gold,timestamp,rt\n"
        "a,w1,yes,,2022-11-19 20:33:44.361,0.685\n"
        "a,w2,yes,,yesterday,soon\n"
        "a,w3,yes,,1066-10-14,-1\n"
    )

    assert read(a_file(tmp_path, content)).votes == [
        Vote(0, 0, Answer.YES, datetime(2022, 11, 19, 20, 33, 44, 361_000, tzinfo=UTC), 685),
        Vote(0, 1, Answer.YES),
        Vote(0, 2, Answer.YES),
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("item,worker,answer,gold\n", "holds no vote"),
        ("item,worker,answer\na,w,yes\n", "has no column gold; it has item, worker, answer"),
        ("subject;user;label\n1;2;yes\n", "has no columns item, worker, answer, gold; it has subject;user;label"),
        ("item,worker,answer,gold\na,,yes,yes\n", "line 2 has no worker"),
        ("item,worker,answer,gold\na,w,yes,yes\n,w,yes,yes\n", "line 3 has no item"),
        (b"item,worker,answer,gold\na,\xff\xfe,yes,yes\n", "is not text in UTF-8"),
        ('item,worker,answer,gold\na,"w"x,yes,yes\n', "is not a CSV file"),
        (gzip.compress(LOG.encode(), mtime=0)[:-12], "the gzip file is damaged or cut short"),
        (
            gzip.compress(LOG.encode(), mtime=0)[:12] + b"garbage instead of deflate",
            "the gzip file is damaged or cut short",
        ),
        (gzip.compress(LOG.encode(), mtime=0)[:-8] + b"\0" * 8, "the gzip file is damaged or cut short"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, content: str | bytes, why: str) -> None:
    path = a_file(tmp_path, content)

    with pytest.raises(WrongVoteLogError) as refusal:
        read(path)

    assert str(refusal.value).startswith(f"{path}: {why}")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongVoteLogError, match="there is no such file"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(WrongVoteLogError, match="cannot be read"):
        read(tmp_path)
