"""Which version of a function a call gets. [lambda.md 1]"""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.invocation import FunctionSpec
from batchd.services.lambda_.aliases import routed
from batchd.services.lambda_.documents import find_alias, find_function, find_version, spec_of
from batchd.services.lambda_.references import Reference


def called(ctx: Context, reference: Reference) -> FunctionSpec:
    """The version that a call gets: of an alias with two, by chance."""
    alias = find_alias(ctx, reference.name, reference.qualifier) if reference.qualifier else None
    if alias is not None:
        chance = int(ctx.request_id.replace("-", "")[-8:], 16) / 2**32
        reference = Reference(reference.name, routed(alias, chance))
    body, version = find_version(ctx, reference)
    return spec_of(ctx, find_function(ctx, reference), body, version)
