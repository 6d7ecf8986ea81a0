"""The budgets and the borders of the house, checked by machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "batchd"
PYTHON = sorted([*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
MODULES = sorted(SOURCE.rglob("*.py"))

LONGEST_FUNCTION = 60
LONGEST_FILE = 600
MOST_PARAMETERS = 5
VAGUE = {"utils", "util", "common", "core", "helpers", "helper", "manager", "base", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
MACHINE_PATH = re.compile(r"/work/|/root/|/home/[a-z]|bash_jobs")
SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b", re.DOTALL)


def ident(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON, ids=ident)
def test_a_file_and_its_functions_stay_within_the_budgets(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= LONGEST_FILE
    too_long = [f"{f.name}: {_lines(f)} lines" for f in _functions(source) if _lines(f) > LONGEST_FUNCTION]
    too_many = [
        f"{f.name}: {_parameters(f)} parameters" for f in _functions(source) if _parameters(f) > MOST_PARAMETERS
    ]
    assert too_long == []
    assert too_many == []


@pytest.mark.parametrize("path", MODULES, ids=ident)
def test_a_module_has_a_name_that_says_something(path: Path) -> None:
    assert path.stem not in VAGUE
    assert path.parent.name not in VAGUE


@pytest.mark.parametrize("path", MODULES, ids=ident)
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert UNFINISHED.findall(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=ident)
def test_every_module_says_what_it_is(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    if not source.strip():
        return
    assert ast.get_docstring(tree), "the module has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=ident)
def test_sql_stays_in_the_store(path: Path) -> None:
    if path.is_relative_to(SOURCE / "store"):
        return
    assert [text for text in _strings(path.read_text()) if SQL.search(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=ident)
def test_processes_and_docker_stay_in_the_engines(path: Path) -> None:
    if path.is_relative_to(SOURCE / "engines"):
        return
    forbidden = {"subprocess", "aiodocker", "docker", "kubernetes", "multiprocessing"}
    assert sorted(_imports(path.read_text()) & forbidden) == []


@pytest.mark.parametrize("path", sorted((SOURCE / "gateway").rglob("*.py")), ids=ident)
def test_the_gateway_names_no_service(path: Path) -> None:
    services = {"batch", "ecs", "events", "sns", "sqs", "lambda", "stepfunctions", "logs", "ecr", "iam", "ec2"}
    named = {text for text in _strings(path.read_text()) if text in services}
    # "ec2" is the name of a protocol as well
    assert named - {"ec2"} == set()


@pytest.mark.parametrize("path", sorted((SOURCE / "scheduler").rglob("*.py")), ids=ident)
def test_the_scheduler_has_no_clock_no_chance_and_no_io(path: Path) -> None:
    forbidden = {"time", "datetime", "random", "uuid", "secrets", "asyncio", "threading", "os", "pathlib", "sqlite3"}
    assert sorted(_imports(path.read_text()) & forbidden) == []


def test_no_path_of_one_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name and not name.endswith("test_tidy.py")]
    found = [ident(f) for f in files if f.is_file() and MACHINE_PATH.search(f.read_text(errors="ignore"))]
    assert found == []


def _functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without self; a command's flags and a test's fixtures are not parameters anybody passes by hand."""
    if any("command" in ast.unparse(d) or "fixture" in ast.unparse(d) for d in function.decorator_list):
        return 0
    if function.name.startswith("test_"):
        return 0
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([a for a in arguments if a.arg not in ("self", "cls")])


def _imports(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def _strings(source: str) -> list[str]:
    """String constants that are not docstrings."""
    tree = ast.parse(source)
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    return [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs
    ]
