"""One world for all, analyzed once; whoever changes something works on a copy."""

import shutil

import pytest


@pytest.fixture(scope="session")
def _whole(tmp_path_factory):
    """Three people, one with two runs, analyzed."""
    from tests.fmri.person.world import World, analyze

    root = tmp_path_factory.mktemp("people") / "world"
    world = World(root).start(runs=(1,))
    world.add("sub-c1", 2)
    result = analyze(world)
    assert result.errors == []
    return root


@pytest.fixture
def world(_whole, tmp_path):
    """A copy of the world, analyzed already: what follows is a second call."""
    from tests.fmri.person.world import World

    shutil.copytree(_whole, tmp_path / "world")
    return World(tmp_path / "world")
