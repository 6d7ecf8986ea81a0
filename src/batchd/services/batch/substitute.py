"""`Ref::name` placeholders in commands. [batch.md 2.7]"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from batchd.services.batch.faults import client_exception

_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)")
_FIELD = re.compile(r"\.[A-Za-z0-9_-]")


def has_reference(command: Iterable[str]) -> bool:
    return any("Ref::" in word for word in command)


def substitute(command: Iterable[str], parameters: Mapping[str, str], results: Collection[str] = ()) -> list[str]:
    """The command with every placeholder replaced, also inside longer words; values are not looked into again.

    A placeholder's name is as long as its characters allow. `Ref::NAME.FIELD` stays for the launch where NAME is no
    parameter and among `results`. Raises ClientException for one without a value.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in parameters and name in results and _FIELD.match(match.string, match.end()):
            return match[0]
        if name not in parameters:
            raise client_exception(f"Unable to substitute value. No parameter found for reference {name}")
        return parameters[name]

    return [_REFERENCE.sub(value, word) for word in command]
