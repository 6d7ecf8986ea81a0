from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.docker_output import Frames, append_output


def frame(payload: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


async def arriving(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def test_stdout_and_stderr_come_out_in_the_order_they_were_recorded() -> None:
    assert Frames().feed(frame(b"one\n", 1) + frame(b"two\n", 2) + frame(b"three\n", 1)) == b"one\ntwo\nthree\n"


def test_bytes_that_are_no_text_come_out_as_they_were() -> None:
    assert Frames().feed(frame(b"\xff\x00\r\n")) == b"\xff\x00\r\n"


@given(st.lists(st.binary(max_size=50), max_size=10), st.lists(st.integers(0, 600), max_size=10))
def test_it_does_not_matter_how_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    data = b"".join(frame(payload) for payload in payloads)
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    frames = Frames()
    out = b"".join(frames.feed(data[a:b]) for a, b in pairwise(edges))
    assert out == b"".join(payloads)


async def test_output_is_written_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "made for it" / "main.log"
    await append_output(arriving([frame(b"a\n"), frame(b"b\n")]), path)
    assert path.read_bytes() == b"a\nb\n"


@pytest.mark.parametrize("known", range(7))
async def test_what_the_file_has_already_is_not_written_again(tmp_path: Path, known: int) -> None:
    path = tmp_path / "main.log"
    path.write_bytes(b"ab\ncd\n"[:known])
    await append_output(arriving([frame(b"ab\n")[:9], frame(b"ab\n")[9:] + frame(b"cd\n")]), path)
    assert path.read_bytes() == b"ab\ncd\n"


async def test_a_stream_that_is_cut_leaves_a_prefix_that_the_next_one_completes(tmp_path: Path) -> None:
    path = tmp_path / "main.log"
    whole = frame(b"first\n") + frame(b"second\n")
    await append_output(arriving([whole[:20]]), path)
    assert path.read_bytes() == b"first\n"
    await append_output(arriving([whole]), path)
    assert path.read_bytes() == b"first\nsecond\n"
