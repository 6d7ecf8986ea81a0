"""Access keys of users. Their secrets are derived by the server and shown once; none is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Caller, Context, reads, writes
from batchd.services.iam.entities import USER, change, unique_id
from batchd.services.iam.faults import missing, over_quota
from batchd.services.iam.paging import window
from batchd.services.iam.shapes import Answer, time_of
from batchd.services.iam.users import find_user
from batchd.store.store import Body, Key, Tx

if TYPE_CHECKING:
    from types_boto3_iam import type_defs as t

MAX_KEYS = 2
_KEY = "iam.access-key"


def find_key_owner(tx: Tx, account: str, access_key: str) -> Caller | None:
    """The user who signs with this access key; None if it is nobody's, or inactive."""
    key = tx.resources.get(Key(_KEY, "", access_key))
    if key is None or key["status"] != "Active":
        return None
    user = tx.resources.get(Key(USER.kind, "", key["user"].lower()))
    if user is None:
        return None
    return Caller(account, f"arn:aws:iam::{account}:user{user['path']}{user['name']}", user["id"], access_key)


@writes
def create_access_key(params: t.CreateAccessKeyRequestTypeDef, ctx: Context) -> Answer:
    user = find_user(ctx, params.get("UserName"))
    if len(user["keys"]) >= MAX_KEYS:
        raise over_quota(f"Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}")
    access_key = unique_id("AKIA", ctx.new_id())[:20]
    secret = ctx.deployment.user_secret(access_key)
    key = {"id": access_key, "user": user["name"], "status": "Active", "created_at": ctx.now_ms}
    ctx.tx.resources.insert(Key(_KEY, "", access_key), key)
    change(ctx, USER, user, keys=[*user["keys"], access_key])
    return {"AccessKey": {**_shape(key), "SecretAccessKey": secret}}


@reads
def list_access_keys(params: t.ListAccessKeysRequestTypeDef, ctx: Context) -> Answer:
    user = find_user(ctx, params.get("UserName"))
    keys, more = window([(name, _find(ctx, user, name)) for name in user["keys"]], params)
    return {"AccessKeyMetadata": [_shape(key) for key in keys], **more}


@writes
def update_access_key(params: t.UpdateAccessKeyRequestTypeDef, ctx: Context) -> Answer:
    key = _find(ctx, find_user(ctx, params.get("UserName")), params["AccessKeyId"])
    ctx.tx.resources.put(Key(_KEY, "", key["id"]), {**key, "status": params["Status"]})
    return {}


@writes
def delete_access_key(params: t.DeleteAccessKeyRequestTypeDef, ctx: Context) -> Answer:
    user = find_user(ctx, params.get("UserName"))
    key = _find(ctx, user, params["AccessKeyId"])
    ctx.tx.resources.delete(Key(_KEY, "", key["id"]))
    change(ctx, USER, user, keys=[name for name in user["keys"] if name != key["id"]])
    return {}


def _find(ctx: Context, user: Body, access_key: str) -> Body:
    key = ctx.tx.resources.get(Key(_KEY, "", access_key))
    if key is None or key["user"] != user["name"]:
        raise missing(f"The Access Key with id {access_key} cannot be found.")
    return key


def _shape(key: Body) -> Answer:
    return {
        "UserName": key["user"],
        "AccessKeyId": key["id"],
        "Status": key["status"],
        "CreateDate": time_of(key["created_at"]),
    }
