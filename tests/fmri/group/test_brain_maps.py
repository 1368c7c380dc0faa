"""Maps of an earlier run do not pass for this one's."""

from analysis.fmri.group.brain_maps import FOLDER, make_maps
from protocols.plan.reading import parse_plan, shipped_plans


def test_maps_this_run_did_not_make_are_removed_and_nothing_else(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir()
    (tmp_path / ".done").mkdir()
    old = ["old.json", "old_t.nii.gz", "old_ptfce.nii.gz", "old_clusters.tsv"]
    kept = ["notes.txt", "old_friend.txt"]
    for name in (*old, *kept):
        (folder / name).write_text("{}", "utf-8")
    stamp = tmp_path / ".done" / "map-old.json"
    stamp.write_text("{}", "utf-8")
    promise = parse_plan(shipped_plans()["demo"], "demo")
    assert make_maps(tmp_path, tmp_path, promise, threads=1, say=print) == ([], [])
    assert sorted(path.name for path in folder.iterdir()) == kept
    assert not stamp.exists()
