"""How IAM says no: code, status and text as AWS has them. [iam.md 4]"""

from __future__ import annotations

from batchd.errors import ApiError


def missing(text: str) -> ApiError:
    """Terraform takes NoSuchEntity for "gone already"."""
    return ApiError("NoSuchEntity", text, 404)


def exists(text: str) -> ApiError:
    return ApiError("EntityAlreadyExists", text, 409)


def conflict(text: str) -> ApiError:
    """Something must be removed first; Terraform retries on it."""
    return ApiError("DeleteConflict", text, 409)


def over_quota(text: str) -> ApiError:
    return ApiError("LimitExceeded", text, 409)


def invalid(text: str) -> ApiError:
    return ApiError("InvalidInput", text, 400)


def malformed(text: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", text, 400)


def validation(text: str) -> ApiError:
    return ApiError("ValidationError", text, 400)


def unmodifiable(text: str) -> ApiError:
    return ApiError("UnmodifiableEntity", text, 400)


def denied(text: str) -> ApiError:
    return ApiError("AccessDenied", text, 403)
