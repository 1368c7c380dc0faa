"""Prepared sets: the same for every arm, verified, whole or absent, resumable, every pair accounted for."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from protocols.base.canonical import sha256_file
from protocols.base.errors import OutputError, UsageError
from stimuli.decoding import decode_pictures
from stimuli.preparing import encoding, pipeline
from stimuli.preparing.encoding import coding_of, part_of
from stimuli.preparing.equalising import luma_statistics
from stimuli.preparing.many import Job, prepare_many
from stimuli.preparing.telling import sentences
from stimuli.preparing.verifying import Seen, luma_of, verified
from stimuli.probing import probe
from tests.stimuli.barcodes import HEIGHT, WIDTH, barcode, numbers_in, prepare, recipe


def jobs_of(folder, out, clips):
    return [
        Job(f"{pair}_{arm}", pair, arm, folder / f"{pair}_{arm}.mp4", out / f"{pair}_{arm}.mp4")
        for pair, arm in clips
    ]


def tone(seconds, level=0.02, rate=48_000):
    return (level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


# ---------------------------------------------------------------- the same for every arm


@pytest.fixture
def pairs(write_clip, texture, tmp_path):
    """Two pairs; the AI clips are of another size, rate, codec and much lower quality."""
    folder = tmp_path / "imported"
    for k, pair in enumerate(("p1", "p2")):
        pictures = texture(30, size=(WIDTH, HEIGHT), seed=k, speed=1)
        write_clip(folder / f"{pair}_live.mp4", pictures, sound=tone(1.2))
        larger = [np.kron(one, np.ones((2, 2, 1), np.uint8)) for one in pictures]
        write_clip(
            folder / f"{pair}_ai.mp4", larger, fps=30, codec="mpeg4", options={"b": "200k"}, sound=tone(1, 0.2),
            metadata={"comment": "made by a machine", "title": "AI"},
        )  # fmt: skip
    return folder


BOTH = [("p1", "live"), ("p1", "ai"), ("p2", "live"), ("p2", "ai")]


def test_after_preparation_no_property_of_the_files_tells_the_arms_apart(pairs, tmp_path):
    jobs = jobs_of(pairs, tmp_path / "out", BOTH)
    before = {job.clip: probe(job.source) for job in jobs}
    assert {before["p1_live"].codec, before["p1_ai"].codec} == {"h264", "mpeg4"}
    done = prepare_many(jobs, recipe(), stamps=tmp_path / "stamps")
    assert done.faults == ()
    after = [replace(probe(job.target), bit_rate=None) for job in jobs]
    assert len(set(after)) == 1, "but for the bit rate, which is the content's"
    for job in jobs:
        with av.open(str(job.target)) as container:
            words = [container.metadata, *(stream.metadata for stream in container.streams)]
        assert "machine" not in str(words)
        written = job.target.read_bytes()
        assert b"machine" not in written
        assert written.index(b"moov") < written.index(b"mdat"), (
            "a browser can start before it has the whole file"
        )
        assert sha256_file(job.source) == done_source(done, job.clip)
    headers = {job.target.read_bytes().split(b"x264 - core")[1][:400] for job in jobs}
    assert len(headers) == 1, "what the encoder says of itself is the same in every file"


def done_source(preparation, clip):
    return next(one.prepared.source_sha256 for one in preparation.outcomes if one.job.clip == clip)


def test_the_same_clip_through_two_arms_gives_the_same_bytes_and_so_does_doing_it_again(pairs, tmp_path):
    twin = tmp_path / "imported" / "p1_cartoon.mp4"
    twin.write_bytes((pairs / "p1_live.mp4").read_bytes())
    clips = [("p1", "live"), ("p1", "cartoon")]
    first = jobs_of(pairs, tmp_path / "one", clips)
    second = jobs_of(pairs, tmp_path / "two", clips)
    for name, jobs in (("one", first), ("two", second)):
        prepare_many(jobs, recipe(), stamps=tmp_path / name / ".done")
    assert len({job.target.read_bytes() for job in (*first, *second)}) == 1


def test_a_names_signs_do_no_harm(write_clip, tmp_path):
    source = write_clip(tmp_path / "厨房 'a' \"b\" 100%.mp4", [barcode(i) for i in range(5)])
    target = tmp_path / "出 'x' 50%d.mp4"
    prepare(source, target)
    assert numbers_in(target) == list(range(5))


# ---------------------------------------------------------------- equalisation


def shades(write_clip, path, level, spread):
    random = np.random.default_rng(2)
    base = random.normal(0, 1, (HEIGHT // 8, WIDTH // 8, 1)).repeat(8, 0).repeat(8, 1)
    pictures = [
        np.clip(level + spread * base + 2 * k, 0, 255).astype(np.uint8).repeat(3, 2) for k in range(10)
    ]
    return write_clip(path, pictures)


def test_equalisation_is_one_gain_and_offset_per_clip_and_limited(write_clip, tmp_path):
    folder = tmp_path / "in"
    shades(write_clip, folder / "p_live.mp4", 110, 30)
    shades(write_clip, folder / "p_ai.mp4", 122, 33)
    clips = [("p", "live"), ("p", "ai")]

    def statistics(rule, name):
        jobs = jobs_of(folder, tmp_path / name, clips)
        done = prepare_many(jobs, recipe(equalise=rule), stamps=tmp_path / name / ".done")
        assert done.faults == ()
        return done, [luma_statistics(decode_pictures(job.target, probe(job.target))) for job in jobs]

    _, (live, ai) = statistics("{}", "off")
    assert abs(live.luminance() - ai.luminance()) > 0.03
    done, (live, ai) = statistics("{mean_luminance: true, contrast: true}", "on")
    assert live.luminance() == pytest.approx(ai.luminance(), abs=0.003)
    assert live.sd == pytest.approx(ai.sd, abs=0.003)
    assert "lumMatch" in " ".join(sentences(done))
    shown = done.outcomes[0].job.target
    frames = [luma_of(one).mean() for one in decode_pictures(shown, probe(shown))]
    assert np.diff(frames).mean() == pytest.approx(2 * 219 / 255, rel=0.15), "a fade stays a fade"
    done, (live, ai) = statistics("{mean_luminance: true, max_mean_change: 0.01}", "limited")
    assert abs(live.luminance() - ai.luminance()) > 0.01
    assert "as far as the recipe allows" in done.outcomes[0].prepared.luma
    done, (live, ai) = statistics("{contrast: true, max_contrast_change: 0.01}", "limited-contrast")
    assert ai.sd / live.sd > 1.05
    assert "contrast × 0.9900" in done.outcomes[1].prepared.luma


# ---------------------------------------------------------------- verification


def wrongly(change, tmp_path, texture, asked=None):
    """Checks that fail when the written file holds other pictures than it should."""
    pictures = texture(20, size=(WIDTH, HEIGHT), speed=3)
    asked = asked or recipe()

    def frames(images):
        for number, image in enumerate(images):
            picture = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            yield picture

    seen = Seen(20)
    for picture in frames(pictures):
        seen.look(picture)
    path = tmp_path / "x.mp4"
    encoding.write_clip(
        path, path, coding_of(asked.encoder), frames(change(list(pictures))),
        fps=Fraction(25), size=(WIDTH, HEIGHT), sound=None,
    )  # fmt: skip
    return {check.name for check in verified(path, recipe(), 20, seen, None) if not check.passed}


def test_a_right_file_passes(tmp_path, texture):
    assert wrongly(lambda pictures: pictures, tmp_path, texture) == set()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda pictures: pictures[:-1], "frames"),
        (lambda pictures: [*pictures[:9], pictures[8], *pictures[10:]], "frozen frames added"),
        (lambda pictures: [*pictures[:9], pictures[9] * 0, *pictures[10:]], "black frames added"),
        (lambda pictures: [pictures[0], *pictures[:-1]], "content, PSNR (dB)"),
        (lambda pictures: [one // 2 + 90 for one in pictures], "content, luma levels"),
    ],
)
def test_a_wrong_file_is_noticed(tmp_path, texture, change, fault):
    assert fault in wrongly(change, tmp_path, texture)


def test_a_file_that_fails_verification_is_not_kept_and_the_old_one_stays(write_clip, tmp_path, monkeypatch):
    source = write_clip(tmp_path / "a.mp4", [barcode(i) for i in range(20)])
    target = tmp_path / "out.mp4"
    target.write_bytes(b"the one before")

    def lossy(part, target, coding, pictures, **form):
        encoding.write_clip(part, target, coding, (one for one in pictures if one.pts != 19), **form)

    monkeypatch.setattr(pipeline, "write_clip", lossy)
    with pytest.raises(
        OutputError, match=r"out.mp4: was not written as asked: frames\n +got: +19\n +accepted: 20"
    ):
        prepare(source, target)
    assert target.read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]


# ---------------------------------------------------------------- whole or absent


def test_a_full_disk_leaves_nothing_half_written_and_says_so(write_clip, texture, tmp_path):
    resource = pytest.importorskip("resource")
    source = write_clip(tmp_path / "a.mp4", texture(30, size=(WIDTH, HEIGHT), speed=8))
    before = source.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
    try:
        with pytest.raises(OutputError, match=r"out.mp4: cannot be written"):
            prepare(source, tmp_path / "folder" / "out.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "folder").iterdir()) == []
    assert source.read_bytes() == before


def test_a_folder_in_the_way_is_said(write_clip, tmp_path):
    source = write_clip(tmp_path / "a.mp4", [barcode(0)] * 3)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="in the way"):
        prepare(source, tmp_path / "file" / "out.mp4")


def test_a_broken_clip_is_listed_and_its_pair_is_incomplete_and_the_others_go_on(pairs, tmp_path):
    whole = (pairs / "p1_ai.mp4").read_bytes()
    (pairs / "p1_ai.mp4").write_bytes(whole[: len(whole) // 2])
    (pairs / "p2_live.mp4").write_bytes(b"")
    clips = [*BOTH, ("p3", "live")]
    (pairs / "p3_live.mp4").write_bytes((pairs / "p1_live.mp4").read_bytes())
    done = prepare_many(jobs_of(pairs, tmp_path / "out", clips), recipe(), stamps=tmp_path / "stamps")
    assert done.incomplete_pairs == {"p1": ("p1_ai",), "p2": ("p2_live",)}
    assert {one.job.clip for one in done.outcomes if one.prepared} == {"p1_live", "p2_ai", "p3_live"}
    assert "is empty (0 bytes)" in str(done.outcomes[2].faults[0])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "p1_live.mp4",
        "p2_ai.mp4",
        "p3_live.mp4",
    ]
    told = " ".join(sentences(done))
    assert "p2_live was left out: is empty (0 bytes)" in told
    assert "Incomplete and not to be shown: p1, p2." in told


def test_a_clip_is_never_written_onto_another(pairs, tmp_path):
    one, other = jobs_of(pairs, tmp_path, [("p1", "live"), ("p1", "ai")])
    with pytest.raises(UsageError, match="onto another file"):
        prepare_many([replace(one, target=other.source), other], recipe(), stamps=tmp_path)
    with pytest.raises(UsageError, match="onto another file"):
        prepare_many([one, replace(other, target=one.target)], recipe(), stamps=tmp_path)


def test_only_what_changed_is_done_again(pairs, tmp_path):
    jobs, stamps = jobs_of(pairs, tmp_path / "out", BOTH), tmp_path / "stamps"

    def again(asked=None):
        return [one.reason if one.recomputed else "" for one in
                prepare_many(jobs, asked or recipe(), stamps=stamps).outcomes]  # fmt: skip

    assert again() == ["not done before"] * 4
    first = prepare_many(jobs, recipe(), stamps=stamps)
    assert [one.recomputed for one in first.outcomes] == [False] * 4
    assert first.outcomes[0].prepared.checks, "what was done is known also when it is not done again"
    jobs[0].target.unlink()
    jobs[1].target.write_bytes(b"edited")
    (stamps / "p2_live.json").write_text("{")
    assert again() == [
        "the prepared file is missing", "the prepared file was edited since", "its stamp is unreadable", "",
    ]  # fmt: skip
    (pairs / "p2_ai.mp4").write_bytes((pairs / "p1_ai.mp4").read_bytes())
    assert again() == ["", "", "", "inputs changed"]
    assert again(recipe(encoder="{crf: 20, preset: ultrafast}")) == ["settings changed"] * 4


def test_the_record_is_json_and_the_methods_paragraph_can_be_pasted(pairs, tmp_path):
    done = prepare_many(jobs_of(pairs, tmp_path / "out", BOTH), recipe(), stamps=tmp_path / "stamps")
    document = json.loads(json.dumps(done.as_document(), allow_nan=False))
    entry = document["clips"]["p1_ai"]
    assert (entry["source_fps"], entry["fps"], entry["frames"]) == ("30", "25", 25)
    assert entry["dropped"] == 5
    assert all(check["passed"] for check in entry["checks"])
    told = " ".join(sentences(done))
    for part in (
        "All 4 clips, of whatever arm", "96 × 64", "25 frames per second", "10 dropped, in 2 clips", "nearest frame",
        "brought to -23 LUFS", "libx264 (crf 10", "decoded in full",
    ):  # fmt: skip
        assert part in told


SCRIPT = """
import sys
from pathlib import Path
from stimuli.preparing.many import Job, prepare_many
from stimuli.preparing.recipe import parse_recipe
folder, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
recipe = parse_recipe("name: t\\nfps: 60\\nwidth: 960\\nheight: 640\\nencoder: {crf: 4, preset: slow}")
if __name__ == "__main__":
    jobs = [Job(path.stem, path.stem, "live", path, out / path.name) for path in sorted(folder.glob("*.mp4"))]
    done = prepare_many(jobs, recipe, stamps=out / ".done", workers=workers)
    print(sum(one.recomputed for one in done.outcomes), len(done.faults))
"""


@pytest.mark.slow
def test_ctrl_c_ends_at_once_and_leaves_finished_files_and_nothing_else(write_clip, texture, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    write_clip(folder / "a.mp4", texture(2, size=(WIDTH, HEIGHT)))  # done quickly
    for name in ("b", "c"):
        write_clip(folder / f"{name}.mp4", texture(30, size=(WIDTH, HEIGHT)))
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(folder), str(out), "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    while not (out / ".done" / "a.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    while not part_of(out / "b.mp4").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    asked = time.monotonic()
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - asked < 3
    assert b"SpawnProcess" not in said, "a worker speaks up"
    assert sorted(path.name for path in out.iterdir()) == [".done", "a.mp4"]
    resumed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert resumed.stdout.split() == ["2", "0"]


@pytest.mark.slow
def test_two_workers_write_the_same_bytes_as_one(pairs, tmp_path):
    for workers in (1, 2):
        jobs = jobs_of(pairs, tmp_path / str(workers), BOTH)
        prepare_many(jobs, recipe(), stamps=tmp_path / str(workers) / ".done", workers=workers)
    for pair, arm in BOTH:
        one, two = (tmp_path / str(workers) / f"{pair}_{arm}.mp4" for workers in (1, 2))
        assert one.read_bytes() == two.read_bytes()
