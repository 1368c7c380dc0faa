"""What the page says of a run's way to the template."""

from types import SimpleNamespace

import pytest

from analysis.fmri.person.page import _registration


def remarks(route="t1w", brain=0.98, white=0.75):
    registered = {"Route": route, "BrainDice": brain, "WhiteMatterDice": white}
    quality = {"TSNRAsMeasured": 80.0, "Coverage": 0.95, "MotionNote": None}
    sidecar = {"Registration": registered, "Quality": quality}
    run = SimpleNamespace(scan=SimpleNamespace(sidecar=sidecar))
    shown = SimpleNamespace(facts=[], remarks=[])
    _registration(run, shown)
    assert ("Brain overlap", f"Dice {brain:.2f}") in shown.facts
    return " ".join(shown.remarks)


def test_a_brain_that_fits_is_not_remarked_on():
    assert remarks() == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"brain": 0.89}, "the mask wrong"),
        ({"white": 0.54}, "askew"),
        ({"route": "epi", "brain": 0.84, "white": None}, "the mask wrong"),
        ({"route": "epi", "white": None}, "Without a T1-weighted image"),
    ],
)
def test_one_that_does_not_asks_to_look(found, words):
    assert words in remarks(**found)


def test_less_is_asked_of_a_functional_image():
    assert "mask" not in remarks("epi", 0.87, None)
    assert "mask" in remarks("t1w", 0.87)
