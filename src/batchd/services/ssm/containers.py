"""What a container's `valueFrom` gets of Parameter Store. [batch.md 2.3]"""

from __future__ import annotations

from batchd.arns import parse_arn
from batchd.gateway.vault import Vault
from batchd.services.ssm.documents import find_parameter, get_version, split_selector, value_of
from batchd.services.ssm.faults import not_found
from batchd.store.store import Tx


def container_value(tx: Tx, vault: Vault, value_from: str, region: str) -> str:
    """The decrypted value of a parameter: an ARN, or the name of one in this region.

    Raises ApiError or BrokenSeal.
    """
    text, selector = split_selector(value_from)
    arn = parse_arn(text)
    region = arn.region if arn is not None else region
    found = find_parameter(tx, region, text)
    if found is None:
        raise not_found(text)
    name, body = found
    return value_of(vault, region, name, get_version(tx, region, name, (body, selector)))
