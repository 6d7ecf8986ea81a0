"""Members outside of the body: headers, the status, and bodies that are no JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchd.gateway.protocols.codecs import codec_of
from batchd.gateway.protocols.rest import split_header
from batchd.gateway.request import HttpResponse
from tests.gateway.made_service import made_operation

SHAPES: dict[str, Any] = {
    "Out": {
        "type": "structure",
        "members": {
            "Note": {"shape": "Text", "location": "header", "locationName": "X-Note"},
            "Kind": {"shape": "Text", "location": "header", "locationName": "Content-Type"},
            "Status": {"shape": "Number", "location": "statusCode"},
            "Name": {"shape": "Text"},
        },
    },
    "Text": {"type": "string"},
    "Number": {"type": "integer"},
    "File": {"type": "structure", "members": {"Data": {"shape": "Blob"}}, "payload": "Data"},
    "Blob": {"type": "blob"},
}


def answer(folder: Path, result: dict[str, Any], output: str | None = "Out", status: int = 200) -> HttpResponse:
    raw: dict[str, Any] = {"name": "Do", "http": {"responseCode": status}}
    if output:
        raw["output"] = {"shape": output}
    return codec_of(made_operation(folder, {"protocol": "rest-json"}, raw, SHAPES)).serialize(result, "id")


def test_located_members_stay_out_of_the_body(tmp_path: Path) -> None:
    response = answer(tmp_path, {"Note": "n", "Kind": "text/x", "Status": 202, "Name": "a"})

    assert response.status == 202
    assert response.body == b'{"Name":"a"}'
    assert dict(response.headers) == {b"x-amzn-requestid": b"id", b"x-note": b"n", b"content-type": b"text/x"}


def test_a_line_break_in_a_value_starts_no_header(tmp_path: Path) -> None:
    response = answer(tmp_path, {"Note": "n\r\nset-cookie: x"})

    assert dict(response.headers)[b"x-note"] == b"n  set-cookie: x"


def test_the_models_status_is_answered(tmp_path: Path) -> None:
    assert answer(tmp_path, {}, status=201).status == 201


def test_no_content_has_no_content(tmp_path: Path) -> None:
    response = answer(tmp_path, {}, output=None, status=204)

    assert (response.status, response.body) == (204, b"")


def test_an_operation_without_output_answers_an_empty_object(tmp_path: Path) -> None:
    assert answer(tmp_path, {}, output=None).body == b"{}"


def test_a_blob_payload_is_the_body(tmp_path: Path) -> None:
    response = answer(tmp_path, {"Data": b"\x00\xff"}, output="File")

    assert response.body == b"\x00\xff"
    assert dict(response.headers)[b"content-type"] == b"application/octet-stream"


@pytest.mark.parametrize(
    ("text", "is_dates", "values"),
    [
        ("", False, []),
        ("a", False, ["a"]),
        ("a, b,c", False, ["a", "b", "c"]),
        (r'"b,c", "\"def\"", a', False, ["b,c", '"def"', "a"]),
        (
            "Mon, 16 Dec 2019 23:48:18 GMT, Tue, 17 Dec 2019 23:48:18 GMT",
            True,
            ["Mon, 16 Dec 2019 23:48:18 GMT", "Tue, 17 Dec 2019 23:48:18 GMT"],
        ),
    ],
)
def test_a_headers_list_is_split_at_its_commas(text: str, is_dates: bool, values: list[str]) -> None:
    assert split_header(text, is_dates) == values
