from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import batchd
from batchd.engines.runner.place import ShortPath
from batchd.engines.runner.users import NoSuchUser, other_user
from batchd.engines.runner.wire import Closed, Wire

MESSAGES = st.lists(st.lists(st.text() | st.integers() | st.none(), min_size=1, max_size=4), max_size=20)


@given(MESSAGES, st.integers(1, 50))
def test_messages_arrive_whole_however_they_are_cut(messages: list[list[object]], cut: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender, receiver = Wire(ours), Wire(theirs)
        for message in messages:
            sender.send(message)
        whole = bytes(sender._unsent)
        received: list[list[object]] = []
        for start in range(0, len(whole), cut):
            ours.send(whole[start : start + cut])
            received += receiver.receive()
    assert received == messages


def test_what_does_not_fit_waits_and_nothing_is_lost() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender, receiver = Wire(ours), Wire(theirs)
        for number in range(2000):
            sender.send(["x" * 1000, number])
        assert not sender.flush()
        received: list[list[object]] = []
        while not sender.flush():
            received += receiver.receive()
        while len(received) < 2000:
            received += receiver.receive()
    assert [message[1] for message in received] == list(range(2000))


@pytest.mark.parametrize("bytes_sent", [b"", b"no json\n", b'["half'])
def test_a_line_that_ends_or_makes_no_sense_is_closed(bytes_sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.send(bytes_sent)
        ours.close()
        wire = Wire(theirs)
        with pytest.raises(Closed):
            for _ in range(2):
                wire.receive()


def test_only_our_own_user_and_root_are_served() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(theirs)
        assert wire.of_our_user(os.geteuid())
        assert wire.of_our_user(54321) == (os.geteuid() == 0)


def test_a_long_path_gets_a_short_name_for_the_same_place(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        with ShortPath(str(deep / "s")) as short:
            assert len(short) < 108
            listener.bind(short)
        assert (deep / "s").is_socket()


def test_the_same_user_is_nobody_else() -> None:
    assert other_user(None) is None
    assert other_user("") is None
    assert other_user(str(os.geteuid())) is None
    assert other_user(f"{os.geteuid()}:{os.getegid()}") is None


@pytest.mark.parametrize("text", ["no-such-user", "0:no-such-group", "99999999999", "-1"])
def test_a_user_that_means_nobody_is_refused(text: str) -> None:
    with pytest.raises(NoSuchUser):
        other_user(text)


def test_the_runner_imports_only_what_it_needs() -> None:
    program = "import sys; sys.path.append(sys.argv[1]); import batchd.engines.runner.main; print(*sorted(sys.modules))"
    root = str(Path(batchd.__file__).parents[1])
    listed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, root], capture_output=True, text=True, check=True
    ).stdout.split()

    assert set(listed) & {"asyncio", "dataclasses", "inspect", "logging", "pathlib", "subprocess", "typing"} == set()
    ours = [name for name in listed if name.startswith("batchd")]
    shared = ("batchd", "batchd.engines", "batchd.engines.ensemble", "batchd.engines.gate", "batchd.engines.names")
    assert all(name in shared or ".runner" in name for name in ours)
