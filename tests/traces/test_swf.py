"""The Standard Workload Format: what is read, what is refused, and that what is written is read again."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.traces.swf import FIELDS, Header, SwfJob, SwfReader, SwfStatus, TraceError, open_swf, parse_job, write_swf

LINE = "7 100 5 3600 16 3550.5 2048 16 7200 4096 1 3 2 11 4 1 6 30"

seconds = st.one_of(st.integers(-1, 10**9), st.just(-1.0), st.floats(0, 1e9))
counts = st.integers(-1, 10**9)
jobs = st.builds(
    SwfJob,
    number=st.integers(0, 10**9),
    submit_time=st.just(0) | st.floats(0, 1e9),
    wait_time=seconds,
    run_time=seconds,
    processors=counts,
    cpu_time=seconds,
    memory=seconds,
    requested_processors=counts,
    requested_time=seconds,
    requested_memory=seconds,
    status=st.sampled_from([status.value for status in SwfStatus]),
    user=counts,
    group=counts,
    executable=counts,
    queue=counts,
    partition=counts,
    preceding_job=counts,
    think_time=seconds,
)


def read(text: str) -> list[SwfJob]:
    return list(SwfReader(io.StringIO(text)))


def line(**changed: object) -> str:
    """LINE with other words in some fields."""
    words = dict(zip(FIELDS, LINE.split(), strict=True)) | {name: str(value) for name, value in changed.items()}
    return " ".join(words.values())


def test_the_eighteen_fields_come_in_their_order() -> None:
    assert parse_job(LINE) == SwfJob(
        number=7,
        submit_time=100,
        wait_time=5,
        run_time=3600,
        processors=16,
        cpu_time=3550.5,
        memory=2048,
        requested_processors=16,
        requested_time=7200,
        requested_memory=4096,
        status=SwfStatus.COMPLETED,
        user=3,
        group=2,
        executable=11,
        queue=4,
        partition=1,
        preceding_job=6,
        think_time=30,
    )


@given(st.lists(jobs, max_size=5), st.lists(st.tuples(st.from_regex("[A-Za-z0-9]{0,8}", fullmatch=True), counts)))
def test_what_is_written_is_read_again(some: list[SwfJob], labels: list[tuple[str, int]]) -> None:
    some.sort(key=lambda job: job.submit_time)
    header = Header(tuple((label, str(value)) for label, value in labels))
    file = io.StringIO()
    assert write_swf(file, header, some) == len(some)
    reader = SwfReader(io.StringIO(file.getvalue()))
    assert (reader.header, list(reader)) == (header, some)


@given(st.text())
def test_any_text_is_a_trace_or_refused_with_its_line(text: str) -> None:
    try:
        some = read(text)
    except TraceError as error:
        assert str(error).startswith("line ")
    else:
        assert all(min(job) >= -1 for job in some)


@given(st.lists(st.text(alphabet="0123456789-+.eEinfa_٣", min_size=1, max_size=6), min_size=18, max_size=18))
def test_eighteen_words_are_a_job_of_numbers_or_refused(words: list[str]) -> None:
    try:
        job = parse_job(" ".join(words))
    except ValueError:
        return
    assert [float(value) for value in job] == [float(word) for word in words]
    assert job.number >= 0 and job.submit_time >= 0 and job.status in list(SwfStatus)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1 2 3", "3 fields instead of 18"),
        (LINE + " 1", "19 fields instead of 18"),
        (line(run_time="soon"), "run_time is 'soon', not a number"),
        (line(run_time="nan"), "run_time is 'nan', not a number"),
        (line(processors="2.5"), "processors is '2.5', not a whole number"),
        (line(user="1_000"), "a character that is not of a number"),
        (line(user="٣"), "a character that is not of a number"),
        (line(user=-2), "user is -2"),
        (line(submit_time=-1), "submit_time is -1"),
        (line(number=-1), "number is -1"),
        (line(status=6), "status is 6, not one of -1 to 5"),
    ],
)
def test_a_line_that_is_no_job_is_refused_with_its_number(text: str, complaint: str) -> None:
    with pytest.raises(TraceError) as caught:
        read(f"; Version: 2.2\n\n{LINE}\n{text}\n")
    assert str(caught.value) == f"line 4: {complaint}"


def test_lines_out_of_order_are_refused() -> None:
    with pytest.raises(TraceError, match="line 2: submitted at 5, but the job before it at 9"):
        read(line(submit_time=9) + "\n" + line(submit_time=5))


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    assert parse_job(line(processors="4.0", user="1e1")) == parse_job(line(processors=4, user=10))


def test_comments_between_jobs_and_empty_lines_are_passed_over() -> None:
    assert read(f"{LINE}\n\n; a note\n   \n{LINE}") == [parse_job(LINE)] * 2


def test_the_header_is_known_before_the_first_job() -> None:
    text = f"; Version: 2.2\n;MaxProcs:   128 (of which 4 are slow)\n; just words\n;\n; Queue: 1 night: long\n{LINE}\n"
    header = SwfReader(io.StringIO(text)).header
    assert header.text("Version") == "2.2"
    assert header.count("MaxProcs") == 128
    assert header.text("Queue") == "1 night: long"
    assert ("", "just words") in header.comments
    assert (header.text("MaxJobs"), header.count("MaxJobs"), header.count("Queue")) == (None, None, 1)
    assert Header((("MaxProcs", "-1"),)).count("MaxProcs") is None


def test_a_compressed_trace_is_read_as_it_is(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "t.swf.gz", "wt") as file:
        file.write(LINE)
    with open_swf(tmp_path / "t.swf.gz") as reader:
        assert list(reader) == [parse_job(LINE)]


@pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(LINE.encode() * 999)[:-20]])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.swf.gz"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=f"cannot read {path}"), open_swf(path) as reader:
        list(reader)


def test_a_fault_in_a_file_is_told_with_its_name_and_line(tmp_path: Path) -> None:
    path = tmp_path / "t.swf"
    path.write_text("; Version: 2.2\nnonsense\n")
    with pytest.raises(TraceError, match=f"{path}, line 2: 1 fields"), open_swf(path) as reader:
        list(reader)
