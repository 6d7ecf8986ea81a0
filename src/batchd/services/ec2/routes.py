"""Internet gateways and route tables: kept and shown, no packet follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads, writes
from batchd.services.ec2.filters import select
from batchd.services.ec2.inventory import (
    GATEWAY,
    ROUTE_TABLE,
    SUBNET,
    VPC,
    chosen,
    everything,
    find,
    new_identifier,
    paged,
    remove,
    save,
    tags_for,
)
from batchd.services.ec2.network import Names, gateway_document, route_table_document
from batchd.services.ec2.vpcs import dependency_violation
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_TABLE_FIELDS = {
    "route-table-id": "RouteTableId",
    "vpc-id": "VpcId",
    "owner-id": "OwnerId",
    "association.main": "Associations.Main",
    "association.subnet-id": "Associations.SubnetId",
    "association.gateway-id": "Associations.GatewayId",
    "association.route-table-id": "Associations.RouteTableId",
    "association.route-table-association-id": "Associations.RouteTableAssociationId",
    "route.destination-cidr-block": "Routes.DestinationCidrBlock",
    "route.destination-ipv6-cidr-block": "Routes.DestinationIpv6CidrBlock",
    "route.gateway-id": "Routes.GatewayId",
    "route.nat-gateway-id": "Routes.NatGatewayId",
    "route.origin": "Routes.Origin",
    "route.state": "Routes.State",
}
_GATEWAY_FIELDS = {
    "internet-gateway-id": "InternetGatewayId",
    "owner-id": "OwnerId",
    "attachment.vpc-id": "Attachments.VpcId",
    "attachment.state": "Attachments.State",
}
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
_TARGETS = (
    *("GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "TransitGatewayId"),
    *("VpcPeeringConnectionId", "EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId"),
)


@reads
def describe_internet_gateways(params: t.DescribeInternetGatewaysRequestTypeDef, ctx: Context) -> dict[str, Any]:
    gateways = chosen(ctx, GATEWAY, params.get("InternetGatewayIds"))
    return paged("InternetGateways", select(gateways, params.get("Filters", ()), _GATEWAY_FIELDS), params)


@writes
def create_internet_gateway(params: t.CreateInternetGatewayRequestTypeDef, ctx: Context) -> dict[str, Any]:
    gateway = gateway_document(ctx.account, new_identifier(ctx, "igw"))
    gateway["Tags"] = tags_for(params, "internet-gateway")
    save(ctx, GATEWAY, gateway)
    return {"InternetGateway": gateway}


@writes
def attach_internet_gateway(params: t.AttachInternetGatewayRequestTypeDef, ctx: Context) -> None:
    """Resource.AlreadyAssociated where the gateway or the VPC has a partner."""
    gateway = find(ctx, GATEWAY, params["InternetGatewayId"])
    vpc_id = find(ctx, VPC, params["VpcId"])["VpcId"]
    taken = {link["VpcId"] for other in everything(ctx, GATEWAY) for link in other["Attachments"]}
    if gateway["Attachments"] or vpc_id in taken:
        raise ApiError(
            "Resource.AlreadyAssociated",
            f"resource {params['InternetGatewayId']} is already attached to network {vpc_id}",
        )
    save(ctx, GATEWAY, {**gateway, "Attachments": [{"State": "available", "VpcId": vpc_id}]})


@writes
def detach_internet_gateway(params: t.DetachInternetGatewayRequestTypeDef, ctx: Context) -> None:
    gateway = find(ctx, GATEWAY, params["InternetGatewayId"])
    if params["VpcId"] not in [link["VpcId"] for link in gateway["Attachments"]]:
        raise ApiError(
            "Gateway.NotAttached",
            f"resource {params['InternetGatewayId']} is not attached to network {params['VpcId']}",
        )
    save(ctx, GATEWAY, {**gateway, "Attachments": []})


@writes
def delete_internet_gateway(params: t.DeleteInternetGatewayRequestTypeDef, ctx: Context) -> None:
    if find(ctx, GATEWAY, params["InternetGatewayId"])["Attachments"]:
        raise dependency_violation("internetGateway", params["InternetGatewayId"])
    remove(ctx, GATEWAY, params["InternetGatewayId"])


@reads
def describe_route_tables(params: t.DescribeRouteTablesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    tables = chosen(ctx, ROUTE_TABLE, params.get("RouteTableIds"))
    return paged("RouteTables", select(tables, params.get("Filters", ()), _TABLE_FIELDS), params)


@writes
def create_route_table(params: t.CreateRouteTableRequestTypeDef, ctx: Context) -> dict[str, Any]:
    vpc = find(ctx, VPC, params["VpcId"])
    names = Names(ctx.account, ctx.region, vpc["VpcId"])
    table = route_table_document(names, vpc["CidrBlock"], new_identifier(ctx, "rtb"))
    table["Tags"] = tags_for(params, "route-table")
    save(ctx, ROUTE_TABLE, table)
    return {"RouteTable": table}


@writes
def delete_route_table(params: t.DeleteRouteTableRequestTypeDef, ctx: Context) -> None:
    """Refused while subnets (or the VPC itself) use it."""
    if find(ctx, ROUTE_TABLE, params["RouteTableId"])["Associations"]:
        raise dependency_violation("routeTable", params["RouteTableId"])
    remove(ctx, ROUTE_TABLE, params["RouteTableId"])


@writes
def create_route(params: t.CreateRouteRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """RouteAlreadyExists where the destination has one."""
    table = find(ctx, ROUTE_TABLE, params["RouteTableId"])
    route = _route(params)
    if any(_destination(known) == _destination(route) for known in table["Routes"]):
        raise ApiError("RouteAlreadyExists", f"The route identified by {_destination(route)} already exists.")
    save(ctx, ROUTE_TABLE, {**table, "Routes": [*table["Routes"], route]})
    return {"Return": True}


@writes
def replace_route(params: t.ReplaceRouteRequestTypeDef, ctx: Context) -> None:
    route = _route(params)
    table, others = _without_route(ctx, params["RouteTableId"], _destination(route))
    save(ctx, ROUTE_TABLE, {**table, "Routes": [*others, route]})


@writes
def delete_route(params: t.DeleteRouteRequestTypeDef, ctx: Context) -> None:
    table, others = _without_route(ctx, params["RouteTableId"], _destination(params))
    save(ctx, ROUTE_TABLE, {**table, "Routes": others})


@writes
def associate_route_table(params: t.AssociateRouteTableRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """Resource.AlreadyAssociated where the subnet has a table of its own."""
    table = find(ctx, ROUTE_TABLE, params["RouteTableId"])
    subnet_id = find(ctx, SUBNET, params.get("SubnetId", ""))["SubnetId"]
    for other in everything(ctx, ROUTE_TABLE):
        if subnet_id in [link.get("SubnetId") for link in other["Associations"]]:
            raise ApiError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {table['RouteTableId']} "
                "conflicts with an existing association",
            )
    link = {
        "Main": False,
        "RouteTableAssociationId": new_identifier(ctx, "rtbassoc"),
        "RouteTableId": table["RouteTableId"],
        "SubnetId": subnet_id,
        "AssociationState": {"State": "associated"},
    }
    save(ctx, ROUTE_TABLE, {**table, "Associations": [*table["Associations"], link]})
    return {"AssociationId": link["RouteTableAssociationId"], "AssociationState": link["AssociationState"]}


@writes
def disassociate_route_table(params: t.DisassociateRouteTableRequestTypeDef, ctx: Context) -> None:
    """InvalidAssociationID.NotFound."""
    identifier = params["AssociationId"]
    for table in everything(ctx, ROUTE_TABLE):
        kept = [link for link in table["Associations"] if link["RouteTableAssociationId"] != identifier]
        if len(kept) < len(table["Associations"]):
            save(ctx, ROUTE_TABLE, {**table, "Associations": kept})
            return
    raise ApiError("InvalidAssociationID.NotFound", f"The association ID '{identifier}' does not exist")


def _route(params: Mapping[str, Any]) -> Body:
    members = {member: params[member] for member in (*_DESTINATIONS, *_TARGETS) if params.get(member)}
    return {**members, "Origin": "CreateRoute", "State": "active"}


def _destination(route: Mapping[str, Any]) -> str:
    for member in _DESTINATIONS:
        if route.get(member):
            return str(route[member])
    raise ApiError("MissingParameter", "The request must contain the parameter destinationCidrBlock")


def _without_route(ctx: Context, table_id: str, destination: str) -> tuple[Body, list[Body]]:
    table = find(ctx, ROUTE_TABLE, table_id)
    others = [route for route in table["Routes"] if _destination(route) != destination]
    if len(others) == len(table["Routes"]):
        raise ApiError(
            "InvalidRoute.NotFound",
            f"no route with destination-cidr-block {destination} in route table {table_id}",
        )
    return table, others
