from __future__ import annotations

import socket

import pytest

from tests.ports import reserved_port


def test_a_reserved_port_is_to_be_had_again_and_again_by_its_number_and_by_no_other_way() -> None:
    with reserved_port() as port:
        for _ in range(2):
            with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(server.getsockname()):
                pass
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("127.0.0.1", port))
