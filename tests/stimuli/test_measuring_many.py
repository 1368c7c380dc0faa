"""Many clips measured: nothing bad stops the others, work resumes, and its files say what is in them."""

import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protocols.base.canonical import sha256_file
from protocols.base.tables import read_frame
from stimuli.features.catalog import definitions
from stimuli.measuring.files import series_name, sound_series_name
from stimuli.measuring.many import ClipFile, measure_many, measured_table

ROOT = Path(__file__).resolve().parents[2]
SIZE = (160, 96)


@pytest.fixture
def clips(write_clip, texture, tmp_path):
    """Three good clips."""
    return [
        ClipFile(f"p{k}_ai", write_clip(tmp_path / f"clip {k}.mp4", texture(6 + k, size=SIZE, seed=k)))
        for k in range(3)
    ]


def contents(out):
    """Every file's bytes."""
    return {
        str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    }


def rows(clips):
    """What the manifest says of the clips."""
    return pd.DataFrame(
        {"clip": [c.name for c in clips], "arm": "ai", "sha256": [sha256_file(c.path) for c in clips]}
    )


def test_broken_clips_are_listed_and_the_others_measured(clips, tmp_path):
    whole = clips[0].path.read_bytes()
    for name, data in {
        "cut off": whole[: len(whole) // 2], "empty": b"", "text": b"not a film\n" * 50, "damaged": damaged(whole)
    }.items():  # fmt: skip
        (tmp_path / f"{name}.mp4").write_bytes(data)
        clips.append(ClipFile(name.replace(" ", "_"), tmp_path / f"{name}.mp4"))
    clips.append(ClipFile("gone", tmp_path / "gone.mp4"))
    said: list[str] = []
    outcomes = measure_many(clips, tmp_path / "out", say=said.append)
    assert [outcome.clip for outcome in outcomes] == clips
    assert [outcome.done is not None for outcome in outcomes] == [True] * 3 + [False] * 5
    assert all(outcome.faults and outcome.faults[0].item for outcome in outcomes[3:])
    assert len(said) == 8
    assert not list((tmp_path / "out").rglob("*.part"))
    table = measured_table(tmp_path / "out", rows(clips[:4]))
    assert table["luminance"].notna().tolist() == [True, True, True, False]
    assert read_frame(tmp_path / "out" / "clips.tsv", numeric=["luminance"])["luminance"].isna().sum() == 1


def damaged(whole):
    """A file with zeros where its pictures are."""
    middle = whole.index(b"mdat") + 2000
    return whole[:middle] + bytes(6000) + whole[middle + 6000 :]


def test_what_is_finished_is_reused_and_a_changed_clip_is_measured_again(
    clips, write_clip, texture, tmp_path
):
    out = tmp_path / "out"
    measure_many(clips, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert not any(outcome.done.recomputed for outcome in measure_many(clips, out))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    write_clip(clips[1].path, texture(9, size=SIZE, seed=9))
    assert measured_table(out, rows(clips))["luminance"].isna().tolist() == [False, True, False]
    again = measure_many(clips, out)
    assert [outcome.done.recomputed for outcome in again] == [False, True, False]
    assert "input changed" in again[1].done.reason
    assert measured_table(out, rows(clips))["luminance"].notna().all()


def test_files_of_an_earlier_version_do_not_stay(write_clip, texture, tmp_path):
    path = write_clip(tmp_path / "a.mp4", texture(20, size=SIZE), sound=np.full(40_000, 0.1))
    clip, out = ClipFile("a_ai", path), tmp_path / "out"
    measure_many([clip], out)
    assert (out / sound_series_name("a_ai")).exists()
    write_clip(path, texture(20, size=SIZE))
    measure_many([clip], out)
    assert not (out / sound_series_name("a_ai")).exists()
    assert (out / series_name("a_ai")).exists()


def test_one_process_and_two_give_the_same_bytes(clips, tmp_path):
    for jobs in (1, 2):
        measure_many(clips, tmp_path / str(jobs), jobs=jobs)
        measured_table(tmp_path / str(jobs), rows(clips))
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_series_and_table_are_described(clips, tmp_path):
    out = tmp_path / "out"
    measure_many(clips[:1], out)
    table = measured_table(out, rows(clips[:1]))
    assert list(table.columns) == ["clip", "arm", "sha256", *definitions()]
    text = gzip.decompress((out / "series/p0_ai_stim.tsv.gz").read_bytes()).decode()
    sidecar = json.loads((out / "series/p0_ai_stim.json").read_text("utf-8"))
    assert (sidecar["SamplingFrequency"], sidecar["StartTime"]) == (25, 0)
    lines = [line.split("\t") for line in text.splitlines()]
    assert len(lines) == 6
    assert {len(line) for line in lines} == {len(sidecar["Columns"])}
    assert lines[0][sidecar["Columns"].index("ti")] == "n/a"
    assert all(sidecar[column]["Units"] for column in sidecar["Columns"])
    described = json.loads((out / "clips.json").read_text("utf-8"))
    assert described["loudness"]["Units"] == "LUFS"
    assert described["loudness"]["DifferenceUnits"] == "LU"
    assert read_frame(out / "flags.tsv").columns.tolist() == ["clip", "kind", "detail", "from_s", "to_s"]


def left_over(group, seconds=5.0):
    """Whether a process of a group still lives after a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_at_once_and_keeps_what_is_finished(write_clip, texture, tmp_path):
    for k in range(6):
        write_clip(tmp_path / f"{k}.mp4", texture(20 if k < 2 else 250, size=(640, 352)))
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from pathlib import Path
            from stimuli.measuring.many import ClipFile, measure_many
            if __name__ == "__main__":
                here = Path(sys.argv[1])
                clips = [ClipFile(f"c{k}_ai", here / f"{k}.mp4") for k in range(6)]
                try:
                    measure_many(clips, here / "out", jobs=2, say=lambda line: print(line, flush=True))
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
            """
        ),
        "utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment, start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert "measured" in running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does it
    started = time.monotonic()
    out, errors = running.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert out.rstrip().endswith("interrupted")
    assert "Traceback" not in errors
    assert not left_over(running.pid)
    finished = sorted(path.stem for path in (tmp_path / "out" / ".done").glob("*.json"))
    assert finished
    assert len(finished) < 6
    assert not list((tmp_path / "out").rglob("*.part"))
    clip = ClipFile(finished[0], tmp_path / f"{finished[0][1]}.mp4")
    (again,) = measure_many([clip], tmp_path / "out")
    assert not again.done.recomputed
