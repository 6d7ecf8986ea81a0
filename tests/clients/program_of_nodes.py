"""What the nodes of a job do in test_boto3_nodes: the others send the main node their indexes, it answers with the sum.

The main node listens on a port of its own, which the others find in a file: all nodes have one machine's ports.

python program_of_nodes.py FOLDER
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

port_file = Path(sys.argv[1]) / "port"
index, number = int(os.environ["AWS_BATCH_JOB_NODE_INDEX"]), int(os.environ["AWS_BATCH_JOB_NUM_NODES"])
told = {name: value for name, value in os.environ.items() if name.startswith("AWS_BATCH_JOB_")}


def tell(total: int) -> None:
    print(json.dumps({**told, "total": total}), flush=True)


def lead() -> None:
    """Hear all the others, tell each of them the sum, and stay until they have gone: with this node the job ends."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port_file.with_suffix(".new").write_text(str(listener.getsockname()[1]))
        port_file.with_suffix(".new").rename(port_file)
        others = [listener.accept()[0] for _ in range(number - 1)]
    total = index + sum(int(other.recv(16)) for other in others)
    for other in others:
        other.sendall(str(total).encode())
    for other in others:
        other.recv(16)
    tell(total)


def follow() -> None:
    while not port_file.exists():
        time.sleep(0.02)
    address = os.environ["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"]
    with socket.create_connection((address, int(port_file.read_text()))) as main:
        main.sendall(str(index).encode())
        tell(int(main.recv(16)))


if str(index) == os.environ["AWS_BATCH_JOB_MAIN_NODE_INDEX"]:
    lead()
else:
    follow()
