from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from batchd.invocation import FunctionSpec, ImageSpec
from batchd.sandboxes.code import Code
from batchd.sandboxes.runtimes import NoRuntime, contained_task, sandbox_task
from batchd.task import Mount

FUNCTION = FunctionSpec(
    "arn", "f", "us-east-1", "1", "r", "python3.12", "a.b", "code", "role", "/aws/lambda/f", memory_mib=1769
)
CODE = Code(Path("/code"), Path("/layers"))


def test_a_python_function_is_a_process_with_its_limits() -> None:
    (container,) = sandbox_task("t", FUNCTION, CODE, {"A": "b"}).containers
    assert container.command[0] == sys.executable
    assert container.environment == {"A": "b", "LAMBDA_TASK_ROOT": "/code", "BATCHD_LAYERS": "/layers"}
    assert (container.vcpus, container.memory_mib) == (1.0, 1769)


@pytest.mark.parametrize(
    ("runtime", "image"),
    [
        ("python3.12", "public.ecr.aws/lambda/python:3.12"),
        ("nodejs20.x", "public.ecr.aws/lambda/nodejs:20"),
        ("provided.al2023", "public.ecr.aws/lambda/provided:al2023"),
        ("provided.al2", "public.ecr.aws/lambda/provided:al2"),
    ],
)
def test_in_a_container_it_runs_in_awss_image_of_the_runtime(runtime: str, image: str) -> None:
    (container,) = contained_task("t", replace(FUNCTION, runtime=runtime), CODE, {}).containers
    assert (container.image, container.command) == (image, ("a.b",))
    assert container.mounts == (Mount("/code", "/var/task", True), Mount("/layers", "/opt", True))


def test_a_custom_runtime_is_the_bootstrap_in_its_zip() -> None:
    (container,) = sandbox_task("t", replace(FUNCTION, runtime="provided.al2023"), Code(Path("/code")), {}).containers
    assert container.command == ("/code/bootstrap",)
    assert "BATCHD_LAYERS" not in container.environment


def test_a_function_that_is_an_image_needs_containers() -> None:
    function = replace(FUNCTION, image=ImageSpec("repo/app:1", ("/entry",), ("run",)))
    (container,) = contained_task("t", function, Code(), {}).containers
    assert (container.image, container.entry_point, container.command) == ("repo/app:1", ("/entry",), ("run",))
    with pytest.raises(NoRuntime, match="needs the docker engine"):
        sandbox_task("t", function, Code(), {})


def test_a_runtime_that_the_machine_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoRuntime, match=r"nodejs20\.x needs `node`"):
        sandbox_task("t", replace(FUNCTION, runtime="nodejs20.x"), CODE, {})
    with pytest.raises(NoRuntime, match=r"java21 cannot be had"):
        sandbox_task("t", replace(FUNCTION, runtime="java21"), CODE, {})
