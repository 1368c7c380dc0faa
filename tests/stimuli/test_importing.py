"""From a lab's folder to a manifest: every file accounted for, none of the lab's own touched."""

import csv
import errno
import io
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from protocols.base.canonical import sha256_file
from protocols.base.errors import InputError, OutputError, UsageError
from protocols.base.files import write_json
from stimuli.registry.importing import import_clips
from stimuli.registry.manifest import read_manifest
from stimuli.sets import StimulusSet
from tests.bids_validator import errors_of


def run(*folders, out, **more):
    said: list[str] = []
    outcome = import_clips(list(folders), out, say=said.append, **more)
    return outcome, "\n".join(said)


def listing(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*") if path.is_file()
    }


def test_folders_become_pairs_and_the_lab_keeps_its_files(lab, tmp_path):
    before = listing(lab)
    outcome, _ = run(lab, out=tmp_path / "set")
    manifest = read_manifest(StimulusSet(tmp_path / "set"))
    assert [(clip.pair_id, clip.arm, clip.role, clip.scene) for clip in manifest.clips] == [
        ("Harbour_2", "live", "reference", "Harbour 2"), ("Harbour_2", "ai", "contrast", "Harbour 2"),
        ("kitchen", "live", "reference", "kitchen"), ("kitchen", "ai", "contrast", "kitchen"),
        ("p01", "live", "reference", "咖啡馆"), ("p01", "ai", "contrast", "咖啡馆"),
    ]  # fmt: skip
    clip = manifest["kitchen_live"]
    assert (clip["frames"], clip["fps"], clip["size"], clip["codec"]) == ("25", "25", "64x48", "h264")
    assert clip["audio"].startswith("aac, mono, 48000")
    assert clip["source_name"] == "kitchen.mp4"
    assert manifest["p01_ai"]["audio"] == "none"
    assert listing(lab) == before
    assert outcome.sha256 == sha256_file(tmp_path / "set" / "pairs.tsv")


def test_the_bids_folder_names_what_events_will_name(lab, tmp_path):
    run(lab, out=tmp_path / "boundary")
    stimuli = tmp_path / "boundary" / "stimuli"
    rows = list(csv.DictReader(io.StringIO((stimuli / "stimuli.tsv").read_text("utf-8")), delimiter="\t"))
    assert {row["stim_file"] for row in rows} >= {"boundary/kitchen_live.mp4", "boundary/p01_ai.mp4"}
    assert all((stimuli / row["stim_file"]).is_file() for row in rows)
    assert all(row["present"] == "1" for row in rows)
    assert {row["stimulus_id"]: row["type"] for row in rows}["kitchen_ai"] == "audiovideo"


def test_a_data_set_with_the_set_in_it_is_valid(lab, tmp_path):
    run(lab, out=tmp_path / "boundary")
    bids = tmp_path / "bids"
    (bids / "sub-01" / "beh").mkdir(parents=True)
    shutil.copytree(tmp_path / "boundary" / "stimuli", bids / "stimuli")
    write_json(
        bids / "dataset_description.json", {"Name": "Test", "BIDSVersion": "1.11.1", "DatasetType": "raw"}
    )
    (bids / "README.md").write_text("A test.\n" * 20, "utf-8")
    (bids / "sub-01" / "beh" / "sub-01_task-detect_beh.tsv").write_text(
        "stim_file\nboundary/kitchen_ai.mp4\n", "utf-8"
    )
    described = {"TaskName": "detect", "stim_file": {"Description": "file of the stimulus below stimuli/"}}
    write_json(bids / "sub-01" / "beh" / "sub-01_task-detect_beh.json", described)
    assert errors_of(bids) == []


def test_importing_again_keeps_what_people_filled_in(lab, tmp_path):
    from stimuli.registry.editing import set_cells

    stimuli = StimulusSet(tmp_path / "set")
    run(lab, out=stimuli.root)
    set_cells(stimuli, ["ai.generator=Sora 2", "kitchen_ai.seed=12"])
    outcome, _ = run(lab, out=stimuli.root)
    assert (len(outcome.added), len(outcome.kept)) == (0, 6)
    manifest = read_manifest(stimuli)
    assert manifest["p01_ai"]["generator"] == "Sora 2"
    assert manifest["kitchen_ai"]["seed"] == "12"


def test_a_changed_file_is_said_and_its_cells_are_kept(lab, tmp_path, write_clip, texture):
    from stimuli.registry.editing import set_cells

    stimuli = StimulusSet(tmp_path / "set")
    run(lab, out=stimuli.root)
    set_cells(stimuli, ["kitchen_ai.seed=12"])
    write_clip(lab / "ai" / "kitchen.mp4", texture(25, seed=99))
    outcome, _ = run(lab, out=stimuli.root)
    assert outcome.added == ["kitchen_ai"]
    assert any("another one than before" in note for note in outcome.notes)
    clip = read_manifest(stimuli)["kitchen_ai"]
    assert clip["seed"] == "12"
    assert sha256_file(stimuli.file(clip.file)) == clip["sha256"] == sha256_file(lab / "ai" / "kitchen.mp4")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def only_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


BROKEN = {
    "cut off": (cut_off, "cannot be read as a video"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "only sound": (only_sound, "only sound"),
    "text": (lambda path: path.write_text("no film"), "cannot be read as a video"),
}


@pytest.mark.parametrize("fault", list(BROKEN))
def test_a_broken_file_is_set_aside_by_name_and_the_others_go_on(lab, tmp_path, fault):
    make, expected = BROKEN[fault]
    make(lab / "ai" / "kitchen.mp4")
    outcome, said = run(lab, out=tmp_path / "set")
    assert len(outcome.manifest.clips) == 5
    assert [one.item for one in outcome.set_aside] == ["lab clips/ai/kitchen.mp4"]
    assert expected in said
    assert "Traceback" not in said
    assert not list((tmp_path / "set").rglob("*kitchen_ai*"))


def test_a_film_cut_off_behind_its_index_says_how_much_is_left(tmp_path, write_clip, texture):
    path = write_clip(tmp_path / "lab" / "live" / "a.mkv", texture(100, size=(320, 240)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    write_clip(tmp_path / "lab" / "ai" / "a.mkv", texture(20, seed=1))
    outcome, _ = run(tmp_path / "lab", out=tmp_path / "set")
    assert int(outcome.manifest["a_live"]["frames"]) < 100
    assert "cut off: the last" in outcome.manifest["a_live"]["problems"]
    assert (
        outcome.manifest["a_ai"]["problems"] is None or "cut off" not in outcome.manifest["a_ai"]["problems"]
    )


def test_the_same_film_under_two_names(lab, tmp_path):
    shutil.copy(lab / "live" / "kitchen.mp4", lab / "ai" / "kitchen.mp4")
    shutil.copy(lab / "live" / "Harbour 2.mp4", lab / "live" / "harbour again.mp4")
    outcome, _ = run(lab, out=tmp_path / "set")
    told = {one.item: str(one) for one in outcome.set_aside}
    assert "byte for byte" in told["lab clips/live/harbour again.mp4"]
    assert "wrong file" in next(text for item, text in told.items() if "kitchen" in item)


def test_names_no_shell_likes(tmp_path, write_clip, texture):
    for i, name in enumerate(('it\'s "quoted"', "厨房 $(rm)", "a;b & c", "é\u0301n", "line\nbreak")):
        for arm in ("live", "ai"):
            write_clip(tmp_path / "l" / arm / f"{name}.mp4", texture(3, seed=2 * i + (arm == "ai")))
    outcome, _ = run(tmp_path / "l", out=tmp_path / "set")
    assert len(outcome.manifest.pairs()) == 5
    for clip in outcome.manifest.clips:
        assert clip.file.isascii()
        assert (tmp_path / "set" / "stimuli" / clip.file).is_file()


def test_what_has_to_be_dealt_with_is_said(tmp_path, write_clip, texture):
    folder = tmp_path / "l"
    pictures = texture(20)
    write_clip(
        folder / "live" / "rate.mp4", pictures, times=[i / 25 + (0.02 if i > 10 else 0) for i in range(20)]
    )
    pq = "log-level=none:transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc"
    write_clip(
        folder / "live" / "hdr.mp4",
        pictures,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": pq},
    )
    write_clip(
        folder / "live" / "odd.mkv", texture(20, size=(63, 47)), codec="ffv1", pix_fmt="yuv444p", options={}
    )
    write_clip(folder / "live" / "one.mp4", pictures[:1])
    write_clip(
        folder / "live" / "fields.mp4",
        pictures,
        options={"x264-params": "interlaced=1", "flags": "+ilme+ildct"},
    )
    outcome, _ = run(folder, out=tmp_path / "set")
    problems = {clip.name: clip["problems"] or "" for clip in outcome.manifest.clips}
    assert "variable frame rate" in problems["rate_live"]
    assert "high dynamic range (PQ)" in problems["hdr_live"]
    assert "interlaced" in problems["fields_live"]
    assert outcome.manifest["odd_live"]["size"] == "63x47"
    assert outcome.manifest["one_live"]["frames"] == "1"
    assert float(outcome.manifest["one_live"]["duration"]) == pytest.approx(1 / 25)


def test_a_turned_phone_film_keeps_its_shape_on_the_screen(tmp_path, write_clip, texture):
    from stimuli.probing import probe

    path = tmp_path / "upright.mp4"
    write_clip(path, texture(5, size=(64, 48)))
    turned = tmp_path / "turned.mp4"
    with av.open(str(path)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    found = probe(turned)
    assert (found.width, found.height) == (64, 48)
    assert (found.shown_width, found.shown_height) == (48, 64)


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "40", "16"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_rate_and_duration_are_exact_whatever_the_container_counts_in(
    tmp_path, write_clip, texture, rate, suffix
):
    from stimuli.probing import probe

    found = probe(write_clip(tmp_path / f"a.{suffix}", texture(50), fps=Fraction(rate)))
    assert found.fps == Fraction(rate)
    assert found.constant_rate
    assert found.frames == 50
    assert found.duration_s == pytest.approx(float(50 / Fraction(rate)), abs=1e-9)


def test_files_without_an_arm_are_named_with_the_way_out(lab, tmp_path, write_clip, texture):
    write_clip(lab / "rain.mp4", texture(3, seed=7))
    (lab / "notes.txt").write_text("x")
    outcome, said = run(lab, out=tmp_path / "set")
    assert [one.item for one in outcome.set_aside] == ["lab clips/rain.mp4"]
    assert "--pairs" in said
    assert "notes.txt" in said


def test_nothing_to_import(tmp_path, write_clip, texture):
    with pytest.raises(UsageError, match="does not exist"):
        run(tmp_path / "nowhere", out=tmp_path / "set")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no video"):
        run(tmp_path / "empty", out=tmp_path / "set")
    write_clip(tmp_path / "unnamed" / "rain.mp4", texture(3))
    with pytest.raises(UsageError, match="gave not one clip"):
        run(tmp_path / "unnamed", out=tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_folder_with_other_things_is_not_taken_for_a_set(lab, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.docx").write_text("x")
    with pytest.raises(OutputError, match="not a stimulus set"):
        run(lab, out=tmp_path / "home")


def test_a_full_disk_leaves_nothing_half_written(lab, tmp_path, monkeypatch):
    real = Path.open

    def full(self, mode="r", *args, **kwargs):
        stream = real(self, mode, *args, **kwargs)
        if self.name.endswith(".part") and "kitchen" in self.name:

            def no_room(_):
                raise OSError(errno.ENOSPC, "No space left on device")

            stream.close()
            stream = type("Full", (), {"write": staticmethod(no_room), "__enter__": lambda s: s,
                                       "__exit__": lambda *_: None})()  # fmt: skip
        return stream

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match="disk is full"):
        run(lab, out=tmp_path / "set")
    assert not list((tmp_path / "set").rglob("*.part"))
    assert not list((tmp_path / "set").rglob("*kitchen*"))


PAIRS = """file;pair_id;arm;scene;role;generator;camera
live/kitchen.mp4;k1;live;Küche;;;Arri
ai/kitchen.mp4;k1;kling;Küche;contrast;Kling 2.5;
Harbour 2.mp4;h;live;;;;
"""


def test_a_set_inside_the_lab_s_folder_does_not_import_itself(lab):
    run(lab, out=lab / "set")
    outcome, _ = run(lab, out=lab / "set")
    assert outcome.set_aside == []
    assert len(outcome.manifest.clips) == len(outcome.kept) == 6


def test_frames_cut_off_without_coding_anew_are_neither_counted_nor_missed(tmp_path, write_clip, texture):
    """An edit list leaves frames in the file that no player shows."""
    from stimuli.decoding import decode_frames
    from stimuli.probing import probe

    whole = write_clip(tmp_path / "whole.mp4", texture(50))
    cut = tmp_path / "cut.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(cut), "w", options={"avoid_negative_ts": "disabled"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                shift = round(20 / 25 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                target.mux(packet)
    found = probe(cut)
    assert found.frames == sum(1 for _ in decode_frames(cut, found)) == 30
    assert found.duration_s == pytest.approx(30 / 25)
    assert found.cut_off is None


def test_a_pairs_file_says_what_names_do_not(lab, tmp_path):
    (lab / "pairs.csv").write_text(PAIRS, encoding="utf-8")
    (lab / "ai" / "Harbour 2.mp4").unlink()
    outcome, said = run(lab, out=tmp_path / "set", pairs_file=lab / "pairs.csv")
    manifest = read_manifest(StimulusSet(tmp_path / "set"))
    assert [(c.name, c.role, c.scene) for c in manifest.clips] == [
        ("h_live", "reference", "h"), ("k1_live", "reference", "Küche"), ("k1_kling", "contrast", "Küche"),
    ]  # fmt: skip
    assert manifest["k1_kling"]["generator"] == "Kling 2.5"
    assert manifest["k1_live"]["camera"] == "Arri"
    assert "咖啡馆" in said  # is not in the pairs file
    assert len(outcome.set_aside) == 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("live/kitchen.mp4;k;living;;;;", "whose role is not known"),
        ("live/kitchen.mp4;k;live;;referee;;", "unknown role"),
        ("kitchen.mp4;k;live;;;;", "several files"),
        ("live/kitchn.mp4;k;live;;;;", "did you mean 'kitchen.mp4'"),
        ("live/kitchen.mp4;Küche 1;live;;;;", "cannot be part of a file's name"),
        ("live/kitchen.mp4;k;a-b;;;;", "cannot be a condition's name"),
    ],
)
def test_rows_that_cannot_be_meant(lab, tmp_path, row, expected):
    (lab / "pairs.csv").write_text(
        PAIRS.splitlines()[0] + "\n" + row + "\nHarbour 2.mp4;h;live;;;;\n", "utf-8"
    )
    (lab / "ai" / "Harbour 2.mp4").unlink()
    outcome, _ = run(lab, out=tmp_path / "set", pairs_file=lab / "pairs.csv")
    first = outcome.set_aside[0]
    assert expected in str(first)
    assert first.line == 2
    assert [clip.name for clip in outcome.manifest.clips] == ["h_live"]


def test_a_misspelt_column_of_the_pairs_file(lab, tmp_path):
    (lab / "pairs.csv").write_text("file,pair_id,arm,generater\nlive/kitchen.mp4,k,live,x\n", "utf-8")
    with pytest.raises(InputError, match="did you mean 'generator'"):
        run(lab, out=tmp_path / "set", pairs_file=lab / "pairs.csv")


def test_a_manifest_with_contradictions_is_refused_line_by_line(lab, tmp_path):
    stimuli = StimulusSet(tmp_path / "set")
    run(lab, out=stimuli.root)
    lines = stimuli.manifest.read_text("utf-8").splitlines()
    lines[2] = lines[2].replace("Harbour_2_ai\tHarbour_2\tai", "Harbour_2_ai\tHarbour_2\tlive")
    lines[3] = lines[3].replace("\treference\t", "\treferense\t")
    stimuli.manifest.write_text("\n".join(lines) + "\n", "utf-8")
    with pytest.raises(InputError) as caught:
        read_manifest(stimuli)
    told = str(caught.value)
    assert "pairs.tsv:3: pair 'Harbour_2': has two clips of the arm 'live'" in told
    assert "pairs.tsv:4: clip 'kitchen_live': has an unknown role" in told
    assert "did you mean 'reference'" in told


@pytest.mark.parametrize("way", ["utf-16", "semicolons", "comma with mark"])
def test_a_manifest_saved_by_a_spreadsheet_program_is_still_read(lab, tmp_path, way):
    stimuli = StimulusSet(tmp_path / "set")
    run(lab, out=stimuli.root)
    before = read_manifest(stimuli)
    text = stimuli.manifest.read_text("utf-8")
    if way == "utf-16":
        stimuli.manifest.write_text(text, "utf-16")
    else:
        rows = csv.reader(io.StringIO(text), delimiter="\t")
        out = io.StringIO()
        csv.writer(out, delimiter=";" if way == "semicolons" else ",").writerows(rows)
        stimuli.manifest.write_text(out.getvalue(), "utf-8-sig" if way == "comma with mark" else "utf-8")
    assert [clip.cells for clip in read_manifest(stimuli).clips] == [clip.cells for clip in before.clips]
