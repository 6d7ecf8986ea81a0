"""The part of EC2 that compute environments and the tools around them ask for. [iam.md 13]

Networks, security groups and launch templates are documents: kept, checked and shown, with no effect on where jobs run.
"""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.ec2 import (
    account,
    groups,
    instance_types,
    permissions,
    routes,
    subnets,
    tags,
    templates,
    vpcs,
    zones,
)
from batchd.services.ec2.rehearsal import rehearsable

SERVICE = Service(
    "ec2",
    rehearsable(
        operations_of([account, groups, instance_types, permissions, routes, subnets, tags, templates, vpcs, zones])
    ),
    validation_code="InvalidParameterValue",
)
