"""`$(NAME)` in a pod's commands stands for a variable of its container, as Kubernetes has it. Pure. [batch.md 2.6]"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from batchd.task import ContainerSpec

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """The text with every `$(NAME)` replaced that names a variable; `$$` is a dollar sign that means nothing."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def expanded(container: ContainerSpec, own: Iterable[str]) -> ContainerSpec:
    """The container, its environment complete, with its words expanded. Its `own` variables (in their order) may refer
    to those before them."""
    theirs = list(own)
    variables = {name: value for name, value in container.environment.items() if name not in theirs}
    for name in theirs:
        variables[name] = expand(container.environment[name], variables)
    return replace(
        container,
        environment=variables,
        entry_point=tuple(expand(word, variables) for word in container.entry_point),
        command=tuple(expand(word, variables) for word in container.command),
    )
