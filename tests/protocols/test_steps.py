"""Steps are redone only for a reason, and the reason is the right one."""

import itertools

import pytest

import protocols
from protocols.base.errors import InputError
from protocols.base.files import read_json
from protocols.base.steps import perform, step


def make(version=1, log=None):
    @step(version=version)
    def double(*, settings, inputs):
        if log is not None:
            log.append(settings)
        text = inputs["values"].read_text()
        return {"double.txt": text * settings["times"], "deep/bytes.bin": b"\x00\xff"}

    return double


@pytest.fixture
def work(tmp_path):
    """A step that was done once: call it to do it again, changed in one thing."""
    values, folder, log = tmp_path / "values.txt", tmp_path / "out", []
    values.write_text("ab")

    def again(*, version=1, settings=None, inputs=None, **more):
        return perform(
            make(version, log),
            settings=settings or {"times": 2},
            inputs=inputs or {"values": values},
            folder=folder,
            **more,
        )

    again.values, again.folder, again.log = values, folder, log
    first = again()
    assert (first.recomputed, first.reason) == (True, "not done before")
    assert str(first) == "double: computed (not done before)"
    return again


def test_nothing_changed(work):
    done = work()
    assert str(done) == "double: reused (nothing it depends on has changed)"
    assert len(work.log) == 1
    assert (work.folder / "double.txt").read_text() == "abab"
    assert (work.folder / "deep" / "bytes.bin").read_bytes() == b"\x00\xff"


def test_the_order_of_settings_is_no_change(work):
    work(settings={"times": 2, "more": 1})
    assert not work(settings={"more": 1, "times": 2}).recomputed


def change_input(work):
    work.values.write_text("abc")
    return work(), "input changed: values"


def add_input(work):
    more = work.values.with_name("more.txt")
    more.write_text("x")
    return work(inputs={"values": work.values, "more": more}), "input changed: more"


def change_settings(work):
    return work(settings={"times": 3}), "settings changed"


def change_version(work):
    return work(version=2), "step version 1 is now 2"


def lose_output(work):
    (work.folder / "double.txt").unlink()
    return work(), "output missing: double.txt"


def edit_output(work):
    (work.folder / "deep" / "bytes.bin").write_bytes(b"edited")
    return work(), "output edited since: deep/bytes.bin"


def break_stamp(work):
    (work.folder / ".done" / "double.json").write_text('{"version": 1')
    return work(), "its stamp is unreadable"


def empty_stamp(work):
    (work.folder / ".done" / "double.json").write_text("[]")
    return work(), "its stamp is unreadable"


def lose_stamp(work):
    (work.folder / ".done" / "double.json").unlink()
    return work(), "not done before"


@pytest.mark.parametrize(
    "change",
    [
        change_input,
        add_input,
        change_settings,
        change_version,
        lose_output,
        edit_output,
        break_stamp,
        empty_stamp,
        lose_stamp,
    ],
)
def test_every_reason_is_said(work, change):
    done, reason = change(work)
    assert (done.recomputed, done.reason) == (True, reason)
    assert len(work.log) == 2


def test_a_new_program(work, monkeypatch):
    monkeypatch.setattr(protocols, "__version__", "99.0")
    assert work().reason.startswith("program version ")
    assert work().reason == "nothing it depends on has changed"


def test_one_step_done_twice_in_a_folder(work):
    assert work(stamp="second").reason == "not done before"
    assert not work(stamp="second").recomputed
    assert not work().recomputed


def test_interrupted_work_has_no_stamp_and_is_done_again(tmp_path, monkeypatch):
    values = tmp_path / "values.txt"
    values.write_text("ab")
    calls = itertools.count()

    @step(version=1)
    def stubborn(*, settings, inputs):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return {"a.txt": str(settings), "b.txt": inputs["values"].read_text()}

    arguments = {"inputs": {"values": values}, "folder": tmp_path / "out"}
    perform(stubborn, settings={"x": 1}, **arguments)
    stamp = tmp_path / "out" / ".done" / "stubborn.json"
    assert stamp.exists()
    with pytest.raises(KeyboardInterrupt):
        perform(stubborn, settings={"x": 2}, **arguments)
    # nothing was overwritten yet, and what was done before is still that
    assert not perform(stubborn, settings={"x": 1}, **arguments).recomputed
    # but between two outputs
    import protocols.base.steps as steps

    write, written = steps.write_atomically, itertools.count()

    def interrupted(path, content):
        if next(written) == 1:
            raise KeyboardInterrupt
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(steps, "write_atomically", interrupted)
        with pytest.raises(KeyboardInterrupt):
            perform(stubborn, settings={"x": 3}, **arguments)
    assert not stamp.exists()
    assert perform(stubborn, settings={"x": 3}, **arguments).recomputed


def test_a_stamp_holds_what_went_in_and_came_out(work):
    stamp = read_json(work.folder / ".done" / "double.json")
    assert set(stamp) == {"step", "version", "program", "settings", "inputs", "outputs"}
    assert set(stamp["outputs"]) == {"double.txt", "deep/bytes.bin"}


def test_a_missing_input_is_named(work, tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt: does not exist"):
        work(inputs={"values": tmp_path / "gone.txt"})
