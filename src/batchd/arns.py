"""Amazon resource names: `arn:aws:service:region:account:resource`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts; `resource` keeps every further colon and slash."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def kind(self) -> str:
        """`job-queue` of `job-queue/night`."""
        return self.resource.partition("/")[0]

    @property
    def name(self) -> str:
        """`night` of `job-queue/night`; the whole resource where there is no slash."""
        head, slash, tail = self.resource.partition("/")
        return tail if slash else head


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN, or None if the text is not one."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[5]:
        return None
    return Arn(parts[2], parts[3], parts[4], parts[5], parts[1])
