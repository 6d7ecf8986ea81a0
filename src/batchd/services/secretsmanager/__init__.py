"""Secrets Manager: secrets with versions and staging labels; values are sealed before they are stored."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.secretsmanager import deletion, listing, passwords, policies, secrets, stages, tags, values

SERVICE = Service(
    "secretsmanager",
    operations_of([secrets, values, stages, listing, deletion, policies, tags, passwords]),
    validation_code="ValidationException",
)
