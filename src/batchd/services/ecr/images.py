"""Images of a repository. Nothing has been pushed yet, and that is what every answer says. [ecr.md 1]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.services.ecr.repositories import find_repository

if TYPE_CHECKING:
    from types_boto3_ecr import type_defs as t


@reads
def describe_images(params: t.DescribeImagesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """ImageNotFoundException for an image asked for by id."""
    name = params["repositoryName"]
    find_repository(ctx, params, name)
    for image in params.get("imageIds", ()):
        raise ApiError(
            "ImageNotFoundException",
            f"The image with imageId {_image_text(image)} does not exist within the repository with name '{name}' "
            f"in the registry with id '{ctx.account}'",
        )
    return {"imageDetails": []}


@reads
def list_images(params: t.ListImagesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    find_repository(ctx, params, params["repositoryName"])
    return {"imageIds": []}


@reads
def batch_get_image(params: t.BatchGetImageRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """A failure for each image."""
    find_repository(ctx, params, params["repositoryName"])
    return {"images": [], "failures": [_failure(image) for image in params["imageIds"]]}


@reads
def batch_delete_image(params: t.BatchDeleteImageRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """A failure for each image."""
    find_repository(ctx, params, params["repositoryName"])
    return {"imageIds": [], "failures": [_failure(image) for image in params["imageIds"]]}


@reads
def batch_check_layer_availability(params: t.BatchCheckLayerAvailabilityRequestTypeDef, ctx: Context) -> dict[str, Any]:
    find_repository(ctx, params, params["repositoryName"])
    layers = [{"layerDigest": digest, "layerAvailability": "UNAVAILABLE"} for digest in params["layerDigests"]]
    return {"layers": layers, "failures": []}


def _failure(image: Mapping[str, Any]) -> dict[str, Any]:
    if not image.get("imageDigest") and not image.get("imageTag"):
        reason = "Invalid request parameters: both tag and digest cannot be null"
        return {"imageId": dict(image), "failureCode": "MissingDigestAndTag", "failureReason": reason}
    return {"imageId": dict(image), "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}


def _image_text(image: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{member}:'{value}'" for member, value in image.items()) + "}"
