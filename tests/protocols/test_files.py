"""Files are whole or absent, and read in whatever encoding they say."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.base.errors import InputError, OutputError
from protocols.base.files import cannot_write, read_json, read_text, write_atomically, write_json


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


@given(content=st.binary() | st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_there(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("files") / "sub" / "table.tsv"
    assert write_atomically(path, content) == path
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert listing(path.parent) == ["table.tsv"]


def test_line_ends_are_the_same_everywhere(tmp_path):
    assert write_atomically(tmp_path / "a", "x\ny\n").read_bytes() == b"x\ny\n"


def test_files_are_shared_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_atomically(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def failing(error):
    def fail(*_args, **_kwargs):
        raise error

    return fail


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod", "os.fdopen"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call, there):
    path = tmp_path / "verdict.json"
    if there:
        path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(call, failing(OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(
            OutputError, match=r"verdict\.json: cannot be written: the disk is full\n  way out: "
        ):
            write_atomically(path, "new")
    assert listing(tmp_path) == (["verdict.json"] if there else [])
    assert not there or path.read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_disk_that_is_full_when_writing(tmp_path, monkeypatch):
    path = tmp_path / "verdict.json"
    path.write_text("old")
    original = os.fdopen

    def full(handle, mode):
        os.close(handle)
        return original(os.open("/dev/full", os.O_WRONLY), mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full)
        with pytest.raises(OutputError, match="the disk is full"):
            write_atomically(path, "new")
    assert listing(tmp_path) == ["verdict.json"]
    assert path.read_text() == "old"


def test_an_interruption_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "verdict.json"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, "new")
    assert listing(tmp_path) == ["verdict.json"]
    assert path.read_text() == "old"


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    # as root every folder can be written, so the refusal itself is put in
    monkeypatch.setattr("tempfile.mkstemp", failing(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(OutputError, match="no permission\n  way out:  choose another output folder"):
        write_atomically(tmp_path / "out" / "a.tsv", "x")


def test_something_else_is_in_the_way(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="of another kind is in the way"):
        write_atomically(tmp_path / "out" / "a.tsv", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="of another kind is in the way"):
        write_atomically(tmp_path / "folder", "x")
    assert listing(tmp_path) == ["folder", "out"]


def test_other_causes_are_said_as_they_are():
    fault = cannot_write(Path("a"), OSError(errno.EIO, "Input/output error")).faults[0]
    assert (
        str(fault)
        == "a: cannot be written: Input/output error\n  way out:  see to the cause and run it again"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_say_what_they_are(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("Größe;d′\r\n1;2\r3\n".encode(encoding))
    assert read_text(path) == "Größe;d′\n1;2\n3\n"


def test_other_encodings_are_named_never_guessed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("Größe".encode("cp1252"))
    with pytest.raises(InputError, match=r"is not utf-8 text \(byte 2 does not belong\)"):
        read_text(path)
    assert read_text(path, "cp1252") == "Größe"
    with pytest.raises(InputError, match="has an unknown encoding"):
        read_text(path, "klingon")


@pytest.mark.parametrize(
    "content", [b"", b"\n \t", b"\xef\xbb\xbf", b"\x00\x00\x00", "\ufeff".encode("utf-16-le")]
)
def test_empty_files(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is empty\n  way out: "):
        read_text(path)


def test_json_is_read_back_or_its_fault_has_a_place(tmp_path):
    document = {"d′": [1, 2.5, None, True, "ä"]}
    assert read_json(write_json(tmp_path / "a.json", document)) == document
    (tmp_path / "b.json").write_text('{"a": 1,\n "b": }')
    with pytest.raises(InputError, match=r"b\.json:2:7: is not JSON: Expecting value"):
        read_json(tmp_path / "b.json")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "c.json", {"a": float("nan")})
    assert not (tmp_path / "c.json").exists()
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == document
