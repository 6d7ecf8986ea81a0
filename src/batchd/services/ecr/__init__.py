"""ECR's control plane: repositories, their policies and tags, and the token that opens the registry."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.ecr import images, policies, registry, repositories, tags

SERVICE = Service(
    "ecr",
    operations_of([repositories, policies, tags, registry, images]),
    validation_code="InvalidParameterException",
)
