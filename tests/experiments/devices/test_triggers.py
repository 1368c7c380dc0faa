"""Trigger ports: serial through a pseudo terminal, LSL through its own loop, parallel through a stand-in."""

import errno
import os
import select
import threading
import time
from types import SimpleNamespace

import pytest

from experiments.devices.ports_lsl import LslPort
from experiments.devices.ports_parallel import ParallelPort
from experiments.devices.ports_serial import SerialPort
from experiments.devices.triggers import FanOut, NullPort, RecordingPort, open_triggers
from experiments.site.settings import parse_site
from protocols.base.errors import NotAvailable

LAB = "the extra 'lab' is not installed"


class Ticks:
    def now(self):
        return time.monotonic()

    def sleep_until(self, when):
        time.sleep(max(0, when - self.now()))


class Cable:
    """A pseudo terminal: `port` is what bazin opens, what arrives at the other end is noted with its time."""

    def __init__(self, path):
        self.path = path
        self.arrived = []
        self.plug_in()

    def plug_in(self):
        self.master, slave = os.openpty()
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)  # bazin holds its own
        self.plugged = True
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while self.plugged:
            if not select.select([self.master], [], [], 0.01)[0]:
                continue
            try:
                data = os.read(self.master, 100)
            except OSError:  # nobody has the other end open
                time.sleep(0.005)
                continue
            self.arrived += [(time.monotonic(), byte) for byte in data]

    def unplug(self):
        self.plugged = False
        self.reader.join()
        os.close(self.master)

    @property
    def codes(self):
        return [code for _, code in self.arrived]


@pytest.fixture
def cable(tmp_path):
    pytest.importorskip("serial", reason=LAB)
    cable = Cable(tmp_path / "port")
    yield cable
    if cable.plugged:
        cable.unplug()


@pytest.fixture
def serial_port(cable):
    opened = []

    def make(reset_s=None):
        port = SerialPort(str(cable.path), 115200, Ticks(), reset_s)
        port.open()
        opened.append(port)
        return port

    yield make
    for port in opened:
        port.close()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_without_reset_a_code_is_one_byte_and_its_time_is_when_it_was_sent(cable, serial_port):
    port = serial_port()
    before = time.monotonic()
    at = port.send(17)
    assert before <= at <= time.monotonic()
    port.send(255)
    assert until(lambda: cable.codes == [17, 255])
    port.close()
    time.sleep(0.05)
    assert cable.codes == [17, 255]


def test_a_code_is_reset_after_its_time_and_the_sender_does_not_wait_for_it(cable, serial_port):
    port = serial_port(reset_s=0.2)
    port.send(5)
    assert cable.codes in ([], [5])
    assert until(lambda: cable.codes == [5, 0])
    (set_at, _), (reset_at, _) = cable.arrived
    assert 0.15 < reset_at - set_at < 0.5


def test_the_reset_of_one_code_does_not_wipe_the_next(cable, serial_port):
    port = serial_port(reset_s=0.3)
    port.send(5)
    time.sleep(0.15)
    port.send(7)
    assert until(lambda: len(cable.arrived) == 3)
    assert cable.codes == [5, 7, 0]
    assert cable.arrived[2][0] - cable.arrived[1][0] > 0.25  # the second had its full time


def test_the_same_code_twice_in_a_row_gives_two_edges(cable, serial_port):
    port = serial_port(reset_s=0.2)
    port.send(5)
    port.send(5)
    assert until(lambda: len(cable.arrived) == 4)
    assert cable.codes == [5, 0, 5, 0]


def test_sending_takes_far_less_than_a_refresh(serial_port):
    port = serial_port(reset_s=0.01)
    took = []
    for i in range(50):
        began = time.perf_counter()
        port.send(1 + i)
        took.append(time.perf_counter() - began)
        time.sleep(0.002)
    assert sorted(took)[25] < 0.002


def test_closing_resets_the_lines_and_afterwards_nothing_is_sent(cable, serial_port):
    port = serial_port(reset_s=0.9)
    port.send(5)
    port.close()
    assert until(lambda: cable.codes == [5, 0])
    assert port.send(6) is None
    assert port.problem is None


def test_an_unplugged_port_says_so_and_the_session_goes_on(cable, serial_port):
    port = serial_port(reset_s=0.01)
    assert port.send(1) is not None
    assert port.problem is None
    cable.unplug()
    sent = [port.send(code) for code in range(2, 30)]
    assert sent == [None] * 28
    assert str(cable.path) in port.problem
    assert "plug it in again" in port.problem


def test_a_port_lost_while_its_lines_are_reset_says_so(cable, serial_port):
    port = serial_port(reset_s=0.1)
    port.send(1)
    cable.unplug()
    assert until(lambda: port.problem is not None)


def test_a_port_that_comes_back_is_used_again_without_a_send_ever_waiting(cable, serial_port, monkeypatch):
    monkeypatch.setattr("experiments.devices.ports_lines.RETRY_S", 0.05)
    port = serial_port()
    cable.unplug()
    assert port.send(1) is None
    cable.plug_in()

    longest, deadline, at = 0.0, time.monotonic() + 5, None
    while at is None and time.monotonic() < deadline:
        began = time.perf_counter()
        at = port.send(9)
        longest = max(longest, time.perf_counter() - began)
        time.sleep(0.01)
    assert at is not None
    assert port.problem is None
    assert longest < 0.05
    assert until(lambda: cable.codes == [9])


def test_a_device_that_takes_nothing_does_not_hold_up_the_film():
    pytest.importorskip("serial", reason=LAB)
    master, slave = os.openpty()  # nobody reads
    port = SerialPort(os.ttyname(slave), 115200, Ticks())
    port.open()
    began = time.monotonic()
    for _ in range(100_000):
        if port.send(1) is None:
            break
    assert "does not take bytes" in port.problem or "unavailable" in port.problem
    assert time.monotonic() - began < 5
    os.close(master)
    os.close(slave)
    port.close()


def test_a_port_that_is_not_there_is_refused_with_the_ports_that_are(tmp_path, monkeypatch):
    ports = pytest.importorskip("serial.tools.list_ports", reason=LAB)
    monkeypatch.setattr(ports, "comports", lambda: [SimpleNamespace(device="/dev/ttyUSB7")])
    with pytest.raises(NotAvailable, match="is not there") as refused:
        SerialPort(str(tmp_path / "ttyUSB0"), 9600, Ticks()).open()
    assert "/dev/ttyUSB7" in str(refused.value)
    assert "plug it in" in str(refused.value)


@pytest.mark.parametrize(
    ("number", "says"), [(errno.EACCES, "dialout"), (errno.EBUSY, "another program"), (errno.EIO, "baud")]
)
def test_a_port_that_cannot_be_opened_is_refused_with_the_way_out(monkeypatch, number, says):
    serial = pytest.importorskip("serial", reason=LAB)

    def refuse(*_, **__):
        raise serial.SerialException(number, f"could not open port: {os.strerror(number)}")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(NotAvailable, match=says):
        SerialPort("/dev/ttyS9", 9600, Ticks()).open()


def test_a_port_in_use_is_refused(cable, serial_port):
    serial_port()
    with pytest.raises(NotAvailable, match="in use by another program"):
        SerialPort(str(cable.path), 9600, Ticks()).open()


class Lines:
    """Stands in for PsychoPy's driver of a parallel port."""

    states = ()
    error = None

    def __init__(self, address):
        if Lines.error:
            raise Lines.error
        Lines.address = address
        Lines.states = []

    def setData(self, data):
        Lines.states.append(data)


@pytest.fixture
def lines(monkeypatch):
    parallel = pytest.importorskip("psychopy.parallel", reason=LAB)
    monkeypatch.setattr(Lines, "error", None)
    monkeypatch.setattr(parallel, "ParallelPort", Lines)
    return Lines


def test_a_parallel_port_is_set_reset_and_left_at_zero(lines):
    port = ParallelPort("0x378", Ticks(), 0.03)
    port.open()
    port.send(129)
    port.send(129)
    port.send(3)
    assert until(lambda: lines.states == [0, 129, 0, 129, 3, 0])
    port.send(4)
    port.close()
    assert lines.states[6:] == [4, 0]
    assert lines.address == 0x378


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "denied"), "usermod -aG lp"),
        (ImportError("pyparallel"), "EXTRAS=lab"),
        (FileNotFoundError(2, "No such file"), "modprobe ppdev"),
    ],
)
def test_a_parallel_port_that_cannot_be_opened_is_refused_with_the_way_out(lines, monkeypatch, error, says):
    monkeypatch.setattr("experiments.devices.ports_parallel.sys.platform", "linux")
    lines.error = error
    with pytest.raises(NotAvailable, match=says):
        ParallelPort("/dev/parport0", Ticks(), 0.01).open()


def test_an_lsl_recorder_receives_every_code_with_the_time_of_its_sending():
    pylsl = pytest.importorskip("pylsl", reason=LAB)
    port = LslPort(Ticks())
    port.open()
    found = pylsl.resolve_byprop("name", "bazin-markers", 1, 5)
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(5)
    assert found[0].channel_format() == pylsl.cf_int32
    assert found[0].nominal_srate() == pylsl.IRREGULAR_RATE
    sent = []
    for code in (1, 200, 255):
        before = pylsl.local_clock()
        assert port.send(code) is not None
        sent.append((code, before, pylsl.local_clock()))
        time.sleep(0.02)
    for code, before, after in sent:
        sample, stamp = inlet.pull_sample(3)
        assert sample == [code]
        assert before <= stamp <= after
    inlet.close_stream()
    port.close()
    assert port.send(1) is None


class Broken:
    name = "broken"
    problem = None
    closed = False

    def __init__(self, opens=True):
        self.opens = opens

    def open(self):
        if not self.opens:
            raise NotAvailable([])

    def send(self, code):  # noqa: ARG002
        self.problem = "broken: gone"

    def close(self):
        self.closed = True
        raise OSError("gone")


def test_one_broken_port_of_several_does_not_stop_the_others():
    good, broken = RecordingPort(Ticks()), Broken()
    port = FanOut([broken, good])
    port.open()
    assert port.problem is None
    at = port.send(3)
    assert good.sent == [(at, 3)]
    assert port.problem == "broken: gone"
    assert FanOut([broken]).send(3) is None


def test_closing_several_ports_closes_all_even_if_one_cannot_be():
    first, last = Broken(), Broken()
    with pytest.raises(OSError, match="gone"):
        FanOut([first, last]).close()
    assert first.closed
    assert last.closed


def test_if_ports_of_a_site_cannot_be_opened_all_are_named_and_none_stays_open(cable, tmp_path):
    text = f"""
    triggers:
      - {{kind: serial, device: {cable.path}}}
      - {{kind: serial, device: {tmp_path}/none1}}
      - {{kind: serial, device: {tmp_path}/none2}}
    """
    with pytest.raises(NotAvailable) as refused:
        open_triggers(parse_site(text).triggers, Ticks())
    assert [fault.item for fault in refused.value.faults] == [
        f"serial port {tmp_path}/none1",
        f"serial port {tmp_path}/none2",
    ]
    again = SerialPort(str(cable.path), 9600, Ticks())
    again.open()  # would be in use
    again.close()


def test_the_ports_of_a_site_all_receive_a_code(cable, lines):
    text = f"""
    triggers:
      - {{kind: serial, device: {cable.path}, reset_s: null}}
      - {{kind: parallel, device: /dev/parport0, reset_s: 0.5}}
    """
    port = open_triggers(parse_site(text).triggers, Ticks())
    assert port.send(42) is not None
    assert until(lambda: cable.codes == [42])
    assert lines.states == [0, 42]
    port.close()


def test_a_site_without_triggers_sends_nowhere():
    port = open_triggers((), Ticks())
    assert isinstance(port, NullPort)
    assert port.send(1) is not None
    assert port.problem is None
