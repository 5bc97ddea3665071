import hashlib
from pathlib import Path

import pytest
from PIL import Image

from api.declaration_file import load
from api.demo.by_eye import cascade_declaration, gold_standard
from api.demo.cutouts import SIDE_PX, cut
from api.demo.telling import write_pages
from api.pages import PageName, entries, read_folder, steps
from api.pages.checking import EXAMPLE

pytest.importorskip("skimage", reason="the demo extra is not installed")
pytest.importorskip("sep", reason="the demo extra is not installed")


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(tmp_path_factory.mktemp("hubble")).parent


@pytest.fixture(scope="module")
def folder(cutouts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pages(tmp_path_factory.mktemp("hubble-pages"), cutouts)


def text(folder: Path, name: PageName) -> str:
    return (folder / name.file).read_text()


def test_the_pages_of_the_demonstration_have_no_faults(folder: Path) -> None:
    found = read_folder(folder)

    assert found.problems == []
    assert [page.name for page in found.pages] == list(PageName)
    assert all(file.is_file() for page in found.pages for file in page.pictures.values())
    assert 3 <= len(steps(text(folder, PageName.TUTORIAL), {})) <= 4


def test_the_guide_has_examples_of_each_answer_of_each_workflow(folder: Path) -> None:
    names = [workflow.name for workflow in load(cascade_declaration()).workflows]

    shown = {entry.example for entry in entries(text(folder, PageName.GUIDE), {})}

    assert shown == {(name, answer) for name in names for answer in ("yes", "no")}


def test_what_an_example_is_of_agrees_with_the_gold_standard(folder: Path) -> None:
    gold = {name: (each.question, each.answer.word) for name, each in gold_standard().items()}
    for part in text(folder, PageName.GUIDE).split("## ")[1:]:
        heading, picture = part.partition("\n")[0], part.partition("images/")[2].partition(".png")[0]
        [example] = EXAMPLE.findall(heading)
        assert example[0] == "expert" or gold[picture] == example


def test_no_picture_of_a_page_is_the_picture_of_a_card(folder: Path, cutouts: Path) -> None:
    def digests(of: Path) -> set[str]:
        return {hashlib.sha256(path.read_bytes()).hexdigest() for path in of.glob("*.png")}

    assert digests(folder / "images").isdisjoint(digests(cutouts))
    for path in (folder / "images").iterdir():
        with Image.open(path) as picture:
            assert (picture.mode, picture.size) == ("RGB", (SIDE_PX, SIDE_PX))


def test_pictures_that_are_there_are_not_cut_again(folder: Path, cutouts: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "images").iterdir()}

    write_pages(folder, cutouts)

    assert {path: path.stat().st_mtime_ns for path in (folder / "images").iterdir()} == before
