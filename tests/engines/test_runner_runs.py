"""The runner's tasks, with children that do as they are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchd.engines.runner.cgroups import Groups, Size
from batchd.engines.runner.children import Child
from batchd.engines.runner.journal import Journal
from batchd.engines.runner.place import Place
from batchd.engines.runner.runs import Runs
from batchd.engines.runner.spawn import Plan
from batchd.engines.runner.table import Table
from batchd.engines.runner.watch import Watch


class Children:
    """All run at once; who `has_ended`, with 0, is heard of at the next `reap`."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.has_ended: list[Callable[[int | None, str | None], None]] = []

    def __len__(self) -> int:
        return len(self.begun)

    def begin(self, child: Child, plan: Plan, size: Size) -> None:
        child.pid, child.up = os.getpid(), True
        self.begun.append(plan.argv[0])
        self.has_ended.append(child.on_end)

    def stop(self, child: Child, grace_s: float) -> None: ...

    def reap(self) -> None:
        ended, self.has_ended = self.has_ended, []
        for end in ended:
            end(0, None)

    def tick(self) -> float | None:
        return None


def process(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "argv": [name],
        "env": {},
        "essential": name == "main",
        "depends_on": [],
        "start_timeout_s": None,
        "stop_timeout_s": None,
        "log": False,
        "memory_mib": 64,
        "swap_mib": None,
        "vcpus": 1.0,
        "user": None,
        "ulimits": [],
        "refuse": None,
        **more,
    }


@pytest.mark.parametrize(("ended", "begun"), [(True, ["first", "main"]), (False, ["first"])])
def test_who_ended_in_time_is_not_given_up_though_it_is_heard_of_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: bool, begun: list[str]
) -> None:
    place, children = Place(str(tmp_path)), Children()
    place.make()
    table = Table(Journal(place.journal))
    table.restore()
    monkeypatch.setattr("batchd.engines.runner.runs.Children", lambda groups, watch: children)
    runs = Runs(place, table, Groups([]), Watch())
    table.note("begin", "t", 1, ["first", "main"])
    (task,) = table
    first = process("first", start_timeout_s=0.0)
    main = process("main", depends_on=[("first", "SUCCESS")])
    runs.begin(task, {"containers": [first, main], "stop_timeout_s": 30.0, "refuse": None})  # type: ignore[typeddict-item]  # built above
    if not ended:
        children.has_ended.clear()

    runs.tick()

    assert children.begun == begun
