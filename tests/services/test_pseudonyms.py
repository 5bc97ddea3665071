import re

import numpy as np

from api.services.pseudonyms import Pseudonyms


def test_a_volunteer_has_one_pseudonym_in_a_project_and_another_in_the_next() -> None:
    ours, theirs = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)

    assert ours.of(7) == Pseudonyms(b"a" * 32).of(7) == "v-" + ours.of(7)[2:]
    assert re.fullmatch("v-[a-z2-7]{16}", ours.of(7))
    assert len({ours.of(7), ours.of(8), theirs.of(7)}) == 3


def test_an_array_of_volunteers_is_coded_as_a_dictionary_of_pseudonyms() -> None:
    pseudonyms = Pseudonyms(b"a" * 32)

    places, words = pseudonyms.coded(np.array([9, 7, 9, 8], dtype=np.int64))

    assert [words[place] for place in places] == pseudonyms.of_each([9, 7, 9, 8])
    assert len(words) == 3
