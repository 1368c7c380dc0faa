"""Codes in annotations, trigger channels and streams; headers of NIfTI files."""

import gzip
import struct

import numpy as np
import pytest

from experiments.attach.markers import code_of, from_channel, from_texts
from experiments.attach.nifti import read_nifti
from experiments.attach.xdf import on_samples, streamed
from protocols.base.errors import InputError
from tests.experiments.attach.made_up import CODES, nifti_bytes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Stimulus/S 11", 11), ("Stimulus/S  2", 2), ("S255", 255), ("S 11", 11), ("11", 11), ("11.0", 11),
        ("condition 11", 11), ("Trigger#11", 11), ("live", 11), ("Live ", 11), ("Stimulus/star", 90),
        ("Response/R  1", None), ("Response/S  1", None), ("New Segment/", None), ("Comment/11", None), ("0", None),
        ("256", None), ("boundary", None), ("BAD_ACQ_SKIP", None), ("", None), ("SyncStatus/Sync On", None),
    ],
)  # fmt: skip
def test_an_annotation_means_a_code_only_if_it_can_come_from_the_port(text, code):
    assert code_of(text, CODES) == code


def test_annotations_that_are_no_codes_are_left_out_and_the_rest_put_in_order():
    markers = from_texts([3.0, 1.0, 2.0], ["ai", "Stimulus/S 11", "New Segment/"], CODES)
    assert markers.times.tolist() == [1.0, 3.0]
    assert markers.codes.tolist() == [11, 21]


def test_a_channel_marks_every_change_to_a_value_and_ignores_the_bits_above_and_what_stood_there_before():
    values = np.array([7, 7, 0, 11, 11, 0, 21, 11, 11, 0]) + (1 << 16)
    markers = from_channel(values.astype(float), 10.0)
    assert markers.codes.tolist() == [11, 21, 11]
    assert markers.times == pytest.approx([0.3, 0.6, 0.7])


def eeg_stream(stamps, **info):
    base = {"name": ["amp"], "type": ["EEG"], "nominal_srate": ["100"], "desc": [None]}
    return {"info": {**base, **info}, "time_series": np.ones((len(stamps), 3)), "time_stamps": stamps}


def marker_stream(times, texts):
    return {
        "info": {"name": ["bazin"], "type": ["Markers"], "nominal_srate": ["0"], "desc": [None]},
        "time_series": [[text] for text in texts], "time_stamps": np.array(times),
    }  # fmt: skip


def test_markers_of_a_stream_lie_on_the_samples_clock_also_where_samples_came_slowly():
    stamps = 500 + np.arange(1000) * 0.0101  # the amplifier's clock is one percent slow
    found = streamed([marker_stream([505.05, 499.5], ["11", "21"]), eeg_stream(stamps)], CODES, "x.xdf")
    assert found.markers[0].codes.tolist() == [21, 11]
    assert found.markers[0].times == pytest.approx([-0.5, 5.0])
    assert on_samples(np.array([stamps[-1] + 1]), stamps, 100.0) == pytest.approx([10.99])


def test_units_and_kinds_of_channels_come_from_the_streams_description():
    channels = [
        {"label": ["Cz"], "type": ["EEG"], "unit": ["millivolts"]},
        {"label": ["HEOG"], "type": ["EOG"], "unit": ["microvolts"]},
        {"label": ["TRG"], "type": ["Trigger"], "unit": ["none"]},
    ]
    stream = eeg_stream(np.arange(10) / 100, desc=[{"channels": [{"channel": channels}]}])
    found = streamed([stream], CODES, "x.xdf")
    assert found.kinds == ("eeg", "eog", "stim")
    assert found.names == ("Cz", "HEOG", "TRG")
    assert found.data[:, 0] == pytest.approx([1e-3, 1e-6, 1.0])
    assert not found.assumed_microvolts


def test_channels_without_description_are_in_microvolts_and_that_is_told():
    found = streamed([eeg_stream(np.arange(10) / 100)], CODES, "x.xdf")
    assert found.data[0, 0] == pytest.approx(1e-6)
    assert found.names == ("EEG001", "EEG002", "EEG003")
    assert found.assumed_microvolts


@pytest.mark.parametrize("count", [0, 2])
def test_a_file_without_exactly_one_eeg_stream_is_refused_by_naming_what_it_holds(count):
    streams = [marker_stream([1.0], ["11"]), *[eeg_stream(np.arange(10) / 100) for _ in range(count)]]
    with pytest.raises(InputError, match=r"bazin \(Markers\)"):
        streamed(streams, CODES, "x.xdf")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("units", "tr", "seconds"), [(8, 2.0, 2.0), (16, 2000.0, 2.0), (0, 1.7, 1.7)])
def test_volumes_and_repetition_time_are_read_in_any_unit_and_order_of_bytes(
    tmp_path, order, units, tr, seconds
):
    path = tmp_path / "scan.nii"
    path.write_bytes(nifti_bytes(156, tr=tr, order=order, units=units | 2))
    assert read_nifti(path).volumes == 156
    assert read_nifti(path).repetition_time_s == pytest.approx(seconds)


def test_the_second_version_of_the_format_is_read_too(tmp_path):
    header = bytearray(544)
    struct.pack_into("<i", header, 0, 540)
    header[4:8] = b"n+2\0"
    struct.pack_into("<h", header, 14, 16)
    struct.pack_into("<8q", header, 16, 4, 2, 2, 2, 30, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, 3, 3, 3, 0.8, 0, 0, 0)
    struct.pack_into("<q", header, 168, 544)
    struct.pack_into("<i", header, 500, 8 | 2)
    path = tmp_path / "scan.nii"
    path.write_bytes(bytes(header) + bytes(8 * 30 * 2))
    assert (read_nifti(path).volumes, read_nifti(path).repetition_time_s) == (30, 0.8)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_was_cut_off_is_refused(tmp_path, packed):
    whole = nifti_bytes(20)
    content = gzip.compress(whole) if packed else whole
    path = tmp_path / ("scan.nii.gz" if packed else "scan.nii")
    path.write_bytes(content[:-20])
    with pytest.raises(InputError, match="cut off"):
        read_nifti(path)


def test_something_else_is_refused_as_no_nifti_file(tmp_path):
    path = tmp_path / "scan.nii"
    path.write_bytes(b"DICM" * 200)
    with pytest.raises(InputError, match="not a NIfTI file"):
        read_nifti(path)
