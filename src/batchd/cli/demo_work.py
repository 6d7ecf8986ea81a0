"""What the demo's jobs run: measure one shard of Python's standard library, or merge the shards' measures.

python demo_work.py measure OUT SHARD SHARDS
python demo_work.py merge OUT SHARDS
"""

from __future__ import annotations

import ast
import json
import sys
import sysconfig
import warnings
from pathlib import Path
from typing import Any


def measure(out: Path, shard: int, shards: int) -> None:
    """Every n-th source file: how many files, lines and functions, and the longest function."""
    sources = sorted(p for p in Path(sysconfig.get_paths()["stdlib"]).rglob("*.py") if "site-packages" not in p.parts)
    total: dict[str, Any] = {"files": 0, "lines": 0, "functions": 0, "longest": [0, "", ""]}
    for path in sources[shard::shards]:
        _add(total, path)
    (out / f"{shard}.json").write_text(json.dumps(total))
    print(f"shard {shard}: {total['files']} files, {total['lines']} lines, {total['functions']} functions")


def merge(out: Path, shards: int) -> None:
    """One table of all shards; the last row is the sum."""
    measures = [json.loads((out / f"{shard}.json").read_text()) for shard in range(shards)]
    print(f"{'shard':>5} {'files':>6} {'lines':>8} {'functions':>9}  longest function")
    for shard, measured in enumerate(measures):
        print(_row(str(shard), measured))
    total = {key: sum(m[key] for m in measures) for key in ("files", "lines", "functions")}
    total["longest"] = max(m["longest"] for m in measures)
    print(_row("all", total))


def _add(total: dict[str, Any], path: Path) -> None:
    source = path.read_bytes()
    total["files"] += 1
    total["lines"] += source.count(b"\n")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # the standard library's own tests hold broken files on purpose
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            total["functions"] += 1
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            total["longest"] = max(total["longest"], [length, node.name, path.name])


def _row(label: str, measured: dict[str, Any]) -> str:
    length, name, file = measured["longest"]
    return (
        f"{label:>5} {measured['files']:>6} {measured['lines']:>8} {measured['functions']:>9}"
        f"  {name} in {file} ({length} lines)"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    task, directory, *numbers = sys.argv[1:]
    if task == "measure":
        measure(Path(directory), int(numbers[0]), int(numbers[1]))
    else:
        merge(Path(directory), int(numbers[0]))
