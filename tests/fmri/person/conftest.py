"""One world for all, analyzed once; whoever changes something works on a copy."""

import functools
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.fmri.participants import Ways
from analysis.measures.table import read_measure
from analysis.running import run_participant
from protocols.base.tables import read_frame

pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")

from tests.fmri.person.world import World, promise_of


class Analyzed(SimpleNamespace):
    """What the participant level left of a world."""

    @functools.cached_property
    def table(self):
        return read_measure(self.out / "measures" / "measure-roi.tsv").rows

    def rows(self, person=None, **chosen):
        table = self.table
        wanted = {**({"participant_id": person} if person else {}), **chosen}
        for column, value in wanted.items():
            table = table[table[column] == value]
        return table

    def quality(self, **chosen):
        numbers = ("volumes", "volumes_kept", "mean_fd_mm", "max_fd_mm", "tsnr", "included")
        table = read_frame(self.out / "measures" / "quality-bold.tsv", numeric=numbers)
        for column, value in chosen.items():
            table = table[table[column] == value]
        return table

    @property
    def computed(self):
        """Stamps' names of what was computed, as far as the lines for the user tell."""
        return [line for line in self.said if "computed" in line]


def analyze(world, promise=None, labels=(), out=None, **ways):
    """Run the participant level; a person's page draws for seconds, and comes only where it is asked for."""
    out = out or world.root / "out"
    said = []
    ways = Ways(**{"derivatives": world.derivatives, "pages": False, **ways})
    outcome = run_participant(world.bids, out, promise or promise_of(), labels, said.append, ways)
    return Analyzed(
        out=out, said=said, errors=outcome.errors, warnings=outcome.warnings, done=outcome.done, world=world
    )


@pytest.fixture(scope="session")
def _whole(tmp_path_factory) -> Path:
    """Four people, one with two runs, analyzed."""
    root = tmp_path_factory.mktemp("people") / "world"
    world = World(root).start(runs=(1,))
    world.add("sub-c1", 2)
    result = analyze(world)
    assert result.errors == []
    return root


@pytest.fixture
def world(_whole, tmp_path) -> World:
    """A copy of the world, analyzed already: what follows is a second call."""
    shutil.copytree(_whole, tmp_path / "world")
    return World(tmp_path / "world")
