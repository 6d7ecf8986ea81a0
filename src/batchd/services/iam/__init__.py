"""Identity and Access Management: roles, policies, instance profiles, users. Policies are kept, not yet enforced."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.iam import (
    attachments,
    groups,
    inline,
    keys,
    policies,
    profiles,
    roles,
    service_linked,
    users,
)

SERVICE = Service(
    "iam",
    operations_of([roles, inline, attachments, policies, profiles, service_linked, users, groups, keys]),
    validation_code="ValidationError",
)
