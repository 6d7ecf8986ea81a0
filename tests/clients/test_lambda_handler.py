"""An unchanged Lambda handler, run with nothing but the AWS variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clients.waiting import ended
from tests.clients.worlds import World, fresh
from tests.patience import LONG_S

CALL = "import json, sys, lambda_function as f; print(json.dumps(f.lambda_handler(json.loads(sys.argv[1]), None)))"


def test_a_handler_submits_a_job_and_returns_its_id(server: Any, world: World) -> None:
    name = fresh("definition")
    old_style = {"image": "busybox", "command": ["true"], "vcpus": 1, "memory": 128}
    world.batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties=old_style)
    event = {"name": "from-lambda", "queue": world.queue, "definition": name, "message": "hello"}
    done = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps(event)],
        cwd=Path(__file__).parent,
        env={"PATH": os.environ["PATH"], **server.environ},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, returned = done.stdout.splitlines()
    assert said == "submitted from-lambda"
    job = ended(world.batch, json.loads(returned))
    assert (job["jobName"], job["status"]) == ("from-lambda", "SUCCEEDED")
    assert (job["container"]["vcpus"], job["container"]["memory"]) == (2, 2000)
    assert world.output(job) == ["hello"]
