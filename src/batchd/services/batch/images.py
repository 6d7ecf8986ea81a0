"""Images chosen at submit: the tags `batchd:image` and `batchd:image:<container>`. See docs/beyond-aws-batch.md.

containerOverrides has no image, so that on AWS each image needs a definition of its own. [batch.md 3.2, 12]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from batchd.services.batch.container_rules import validate_image
from batchd.services.batch.faults import client_exception

TAG = "batchd:image"


def chosen_images(tags: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Image by container; `names` are the job's containers, of which the only one needs no name. Raises Invalid or
    ClientException."""
    found = {}
    for tag, image in tags.items():
        if tag != TAG and not tag.startswith(f"{TAG}:"):
            continue
        name = tag.removeprefix(TAG).removeprefix(":") or (next(iter(names)) if len(names) == 1 else "")
        if name not in names:
            text = f"there is no container {name}" if name else f"of several containers one must be named, {TAG}:<name>"
            raise client_exception(f"tag {tag}: {text}")
        validate_image(image)
        found[name] = image
    return found
