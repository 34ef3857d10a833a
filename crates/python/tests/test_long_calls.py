"""Long calls let other threads work, tell how far they are, and stop on Ctrl-C with nothing changed."""

import _thread
import signal
import threading
import time

import hydralink
import pyarrow
import pytest


@pytest.fixture(autouse=True)
def ctrl_c():
    """A process that a shell started in the background ignores Ctrl-C, and so would these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_other_threads_work_meanwhile(copied):
    done, turns = threading.Event(), 0

    def count():
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    begun = time.monotonic()
    copied.detect()
    took = time.monotonic() - begun
    done.set()
    other.join()
    # With the GIL held it would be a turn or two.
    assert turns > took * 100, (turns, took)


def test_ctrl_c_stops_a_detection(copied, tmp_path):
    before = files(tmp_path / "store")
    phases = []

    def progress(phase, done, total):
        phases.append(phase)
        if len(phases) == 2:
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        copied.detect(progress=progress)
    assert "writing" not in phases
    assert files(tmp_path / "store") == before


def test_ctrl_c_stops_a_drawing(found, tmp_path):
    def progress(phase, done, total):
        if phase == "drawing":
            _thread.interrupt_main()

    for write in (found.export, found.report):
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / ("a.graphml" if write == found.export else "a.html"), progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_a_build(world, tmp_path):
    schema = pyarrow.schema([("account_id", pyarrow.string()), ("device", pyarrow.string())])

    def endless():
        for turn in range(10**9):
            if turn == 50:
                _thread.interrupt_main()
            time.sleep(0.001)
            yield pyarrow.record_batch([[f"a{turn}"], ["d"]], schema=schema)

    with pytest.raises(KeyboardInterrupt):
        hydralink.build(pyarrow.RecordBatchReader.from_batches(schema, endless()), output=tmp_path / "store")
    with pytest.raises(hydralink.StoreError):
        hydralink.open(tmp_path / "store")


def test_an_exception_in_progress_stops_the_work(copied):
    def progress(phase, done, total):
        raise LookupError(phase)

    with pytest.raises(LookupError):
        copied.calibrate(3, progress=progress)
    assert pyarrow.table(copied.networks(all=True))["q_value"].null_count > 0


def test_a_store_of_an_interrupted_call_is_free_again(copied):
    with pytest.raises(ZeroDivisionError):
        copied.detect(progress=lambda *step: 1 / 0)
    copied.detect()
