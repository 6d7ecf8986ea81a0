"""The example of a feed that is checked every day: from the clock through two functions, a topic and two jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from batchd.clock import SystemClock
from tests.clients.terraform.workspace import Workspace, provider_mirror
from tests.clients.waiting import ended, eventually
from tests.conftest import Running
from tests.zips import zipped

EXAMPLE = Path(__file__).parents[2] / "examples" / "feeds"
LEAD = timedelta(minutes=12)  # nearly what a signature's clock may be wrong: all must be made before it is over


@dataclass
class ForwardClock(SystemClock):
    """The machine's clock, that can be put forward."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def put_forward(self, to: datetime) -> None:
        self.ahead_ms = max(0, round(to.timestamp() * 1000) - super().now_ms())


@dataclass
class Flow:
    """A server, and when the rule will be due on it."""

    server: Running
    clock: ForwardClock
    store: Path
    due: datetime = field(default_factory=lambda: (datetime.now(UTC) + LEAD).replace(second=0, microsecond=0))

    @property
    def schedule(self) -> str:
        return f"cron({self.due.minute} {self.due.hour} * * ? *)"

    @property
    def environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, **self.server.environ, "PYTHON": sys.executable, "PATH": path}

    def job(self, name: str) -> dict[str, Any]:
        """The only job of this name, at its end."""
        batch = self.server.client("batch")

        def look() -> list[dict[str, Any]]:
            wanted = [{"name": "JOB_NAME", "values": [name]}]
            found: list[dict[str, Any]] = batch.list_jobs(jobQueue="feeds", filters=wanted)["jobSummaryList"]
            return found

        (job,) = eventually(look, f"{name} is submitted")
        return ended(batch, job["jobId"])

    def check(self) -> None:
        """Everything happens once the rule is due."""
        self.clock.put_forward(self.due)
        assert self.job("check-feed")["status"] == "SUCCEEDED"
        analysed = self.job("analyse-feed")
        assert analysed["status"] == "SUCCEEDED"
        environment = {one["name"]: one["value"] for one in analysed["container"]["environment"]}
        assert environment["PARALLELISM"] == "4"
        assert json.loads(environment["DOWNLOAD_MESSAGE"])["changed"] == [
            "2026-11-27/1",
            "2026-11-28/1",
            "2026-11-29/1",
        ]
        stream = analysed["container"]["logStreamName"]
        logs = self.server.client("logs").get_log_events(logGroupName="/aws/batch/job", logStreamName=stream)
        result = json.loads(logs["events"][0]["message"])
        assert result == {"feed": "feed", "items": 3, "words": {"basin": 4, "ships": 3, "south": 3}}
        assert (self.store / "feed.xml").read_bytes() == (EXAMPLE / "feed.xml").read_bytes()


@pytest.fixture
def flow(serve: Callable[..., Running], tmp_path: Path) -> Flow:
    clock = ForwardClock()
    return Flow(serve(clock, vcpus=4), clock, tmp_path / "store")


@pytest.mark.parametrize("program", [[sys.executable, "with_boto3.py"], ["sh", "with_aws.sh"]], ids=["boto3", "aws"])
def test_a_feed_is_checked_and_analysed(flow: Flow, program: list[str]) -> None:
    command = [program[0], str(EXAMPLE / program[1]), flow.schedule, str(flow.store)]
    subprocess.run(command, env=flow.environ, check=True)
    flow.check()


def test_terraform_makes_the_same_flow_and_leaves_nothing_behind(flow: Flow, tmp_path: Path) -> None:
    zips = {}
    for name in ("start", "analyse"):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(zipped({"app.py": (EXAMPLE / name / "app.py").read_text()}))
        zips[f"{name}_zip"] = str(path)
    made = Workspace.of(tmp_path / "terraform", flow.environ, provider_mirror(), EXAMPLE / "terraform")
    stack = made.with_variables(
        schedule=flow.schedule, store=str(flow.store), python=sys.executable, folder=str(EXAMPLE), **zips
    )
    assert stack.plan() != []
    stack.apply()
    assert stack.plan() == []
    flow.check()
    stack.destroy()
    assert flow.server.client("lambda").list_functions()["Functions"] == []
    assert flow.server.client("events").list_rules()["Rules"] == []
