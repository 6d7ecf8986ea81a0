"""The little JSONPath that targets may use: names, indexes and `*`. [events.md 8]"""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,9})\]|\[\*\]|\['(?P<quoted>[^']+)'\]")
MISSING = object()


def find(document: Any, path: str) -> Any:
    """What stands at the path; with a `*` all that does, as a list. MISSING where nothing does."""
    if not path.startswith("$"):
        return MISSING
    found, is_many, position = [document], False, 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return MISSING
        is_star = step["name"] == "*" or step[0] == "[*]"
        name = step["name"] or step["quoted"]
        found = [inner for one in found for inner in _step(one, name, step["index"], is_star)]
        is_many, position = is_many or is_star, step.end()
    if is_many:
        return found or MISSING
    return found[0] if found else MISSING


def _step(value: Any, name: str | None, index: str | None, is_star: bool) -> list[Any]:
    if is_star:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if index is not None:
        return [value[int(index)]] if isinstance(value, list) and int(index) < len(value) else []
    return [value[name]] if isinstance(value, dict) and name in value else []
