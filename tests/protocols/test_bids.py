"""BIDS names, descriptions and participant codes."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import protocols
from protocols.base.bids import ENTITIES, Name, generated_by, label, participant_id, write_description
from protocols.base.errors import InputError

LABELS = st.text("abcXYZ0189+", min_size=1, max_size=6)
NAMES = st.builds(
    Name,
    st.sampled_from(["bold", "events", "T1w", "eeg"]),
    st.sampled_from([".tsv", ".nii.gz", ".json"]),
    st.dictionaries(st.sampled_from(ENTITIES), LABELS, max_size=6),
)


@given(NAMES, st.randoms(use_true_random=False))
def test_names_come_back_whatever_the_order_they_were_given_in(name, chance: random.Random):
    text = str(name)
    assert Name.parse(text) == name
    mixed = list(name.entities.items())
    chance.shuffle(mixed)
    assert str(Name(name.suffix, name.extension, dict(mixed))) == text


@given(NAMES)
def test_entities_stand_in_the_order_of_the_specification(name):
    keys = [part.split("-")[0] for part in str(name).split("_")[:-1]]
    assert keys == [entity for entity in ENTITIES if entity in name.entities]


def test_the_order_of_the_specification():
    everyday = ["sub", "ses", "task", "acq", "run", "echo", "space", "res", "label", "desc"]
    assert [entity for entity in ENTITIES if entity in everyday] == everyday
    assert len(set(ENTITIES)) == len(ENTITIES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("report.html", None),
        ("sub-07_bold", "is not a BIDS file name"),
        ("sub-0 7_bold.nii", "is not a BIDS file name"),
        ("../sub-07_bold.nii", "is not a BIDS file name"),
        ("sub-07_cut-2_bold.nii", "'cut' is not a BIDS entity"),
        ("sub-07_sub-08_bold.nii", "'sub' stands twice"),
        ("", "is not a BIDS file name"),
    ],
)
def test_what_is_no_name(text, message):
    if message is None:
        assert Name.parse(text).entities == {}
        return
    with pytest.raises(InputError, match=message):
        Name.parse(text)


@pytest.mark.parametrize(
    "entities", [{"cut": "1"}, {"sub": "a_b"}, {"sub": ""}, {"sub": "07\n"}, {"sub": "é"}]
)
def test_names_that_cannot_be_made(entities):
    with pytest.raises(ValueError, match=r"entity|label"):
        Name("bold", ".nii", entities)


def test_labels_and_participants():
    assert label("AI-generated, take 2") == "AIgeneratedtake2"
    with pytest.raises(InputError, match="cannot be made a BIDS label"):
        label("−±é")
    assert participant_id(" 07 ") == participant_id("sub-07") == "sub-07"
    for code in ("", "sub-", "a b", "sub-sub-1", "Zoé", "07\n1", "../x"):
        with pytest.raises(InputError, match="is not a participant code"):
            participant_id(code)


def test_a_description(tmp_path):
    path = write_description(tmp_path / "out", "Values", sources=[{"URL": "doi:10/x"}])
    document = json.loads(path.read_text("utf-8"))
    assert path.name == "dataset_description.json"
    assert document["DatasetType"] == "derivative"
    assert document["GeneratedBy"] == generated_by() == [{"Name": "bazin", "Version": protocols.__version__}]
    assert generated_by(Settings=1)[0]["Settings"] == 1
