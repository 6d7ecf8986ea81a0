"""Who lives in the town: calls that succeed, one after the other. They are also what nonsense is made from.

`@member` stands for the latest name that an answer gave under that member.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from tests.contexts import ACCOUNT, NOW_MS
from tests.fuzz import clocks, counters, gangs, messaging, trainers, watchers, workers

Call = tuple[str, str, dict[str, Any]]  # service, operation, params
REMEMBER = "remember"  # a call of nobody: give a name that was heard another one, by which it will be found later

TRUST = orjson.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
).decode()
ALLOW = orjson.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
).decode()
LIFECYCLE = orjson.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
                "action": {"type": "expire"},
            }
        ]
    }
).decode()
_EC2 = {
    "type": "EC2",
    "allocationStrategy": "BEST_FIT",
    "minvCpus": 0,
    "maxvCpus": 16,
    "desiredvCpus": 0,
    "subnets": ["subnet-1"],
    "securityGroupIds": ["sg-1"],
    "instanceTypes": ["optimal"],
    "instanceRole": "ecsInstanceRole",
    "tags": {"Name": "batch"},
}
_SPOT = {**_EC2, "type": "SPOT", "allocationStrategy": "BEST_FIT_PROGRESSIVE", "bidPercentage": 60}
_SERVERLESS = {"type": "FARGATE", "maxvCpus": 8, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
_SIZE = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
_CONTAINER = {"image": "busybox", "command": ["echo", "Ref::what"], "resourceRequirements": _SIZE}
_WHOLE_CONTAINER = {
    **_CONTAINER,
    "jobRoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
    "environment": [{"name": "A", "value": "b"}],
    "volumes": [{"name": "data", "host": {"sourcePath": "/data"}}, {"name": "own"}],
    "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
    "readonlyRootFilesystem": True,
    "privileged": False,
    "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
    "user": "nobody",
    "linuxParameters": {
        "devices": [{"hostPath": "/dev/null", "containerPath": "/dev/x", "permissions": ["READ"]}],
        "initProcessEnabled": True,
        "sharedMemorySize": 64,
        "tmpfs": [{"containerPath": "/tmp", "size": 16, "mountOptions": ["noexec"]}],
        "maxSwap": 10,
        "swappiness": 1,
    },
    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "own-group"}},
}
_RETRY = {
    "attempts": 3,
    "evaluateOnExit": [{"action": "RETRY", "onStatusReason": "Host EC2*"}, {"action": "EXIT", "onExitCode": "1*"}],
}
_FARGATE = {
    "image": "busybox",
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
    "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
    "networkConfiguration": {"assignPublicIp": "ENABLED"},
    "fargatePlatformConfiguration": {"platformVersion": "LATEST"},
    "ephemeralStorage": {"sizeInGiB": 30},
    "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
}
_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/allow"
_TAGS = [{"Key": "team", "Value": "night"}]
_RULE = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "in"}]}
_MACHINE = {
    "ImageId": "ami-1",
    "InstanceType": "c5.large",
    "UserData": "aGVsbG8=",
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3"}}],
    "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": ["sg-1"]}],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": _TAGS}],
    "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"ValidUntil": datetime(2030, 1, 1, tzinfo=UTC)}},
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
}


_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:own-group"
_REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/images/feed"
_PRINCIPALS = (("Role", "worker"), ("User", "ann"), ("Group", "people"))
_TAGGED = (("Role", "worker"), ("User", "ann"), ("InstanceProfile", "profile"))
_SPECIFICATIONS = [{"ResourceType": "subnet", "Tags": _TAGS}]


def _remember(**names: str) -> Call:
    return REMEMBER, "", names


def _iam(operation: str, **params: Any) -> Call:
    return "iam", operation, params


def _batch(operation: str, **params: Any) -> Call:
    return "batch", operation, params


def _environment(name: str, kind: str = "MANAGED", **params: Any) -> Call:
    return _batch("CreateComputeEnvironment", computeEnvironmentName=name, type=kind, **params)


def _queue(name: str, environment: str, **params: Any) -> Call:
    order = [{"order": 1, "computeEnvironment": environment}]
    return _batch("CreateJobQueue", jobQueueName=name, priority=1, computeEnvironmentOrder=order, **params)


def _definition(name: str, container: dict[str, Any], **params: Any) -> Call:
    return _batch(
        "RegisterJobDefinition", jobDefinitionName=name, type="container", containerProperties=container, **params
    )


FIRST: list[Call] = [
    _environment("ec2", computeResources=_EC2),
    _environment("spot", computeResources=_SPOT, state="DISABLED", tags={"team": "night"}),
    _environment("fargate", computeResources=_SERVERLESS),
    _environment("own", "UNMANAGED", state="DISABLED"),
    _batch("CreateSchedulingPolicy", name="fair"),
    _queue("night", "ec2"),
    _queue("idle", "own"),
    _queue("cloud", "fargate"),
    _queue("closed", "ec2", state="DISABLED"),
    *trainers.FIRST,
    *gangs.FIRST,
    *counters.FIRST,
    _definition("feed", _CONTAINER, parameters={"what": "hello"}, tags={"team": "night"}),
    _definition("feed", _WHOLE_CONTAINER, parameters={"what": "hello"}, retryStrategy=_RETRY),
    _definition("cloud", _FARGATE, platformCapabilities=["FARGATE"], timeout={"attemptDurationSeconds": 60}),
    ("logs", "CreateLogGroup", {"logGroupName": "own-group", "tags": {"team": "night"}}),
    ("logs", "CreateLogStream", {"logGroupName": "own-group", "logStreamName": "one"}),
    ("logs", "PutResourcePolicy", {"policyName": "events", "policyDocument": ALLOW}),
    ("iam", "CreateRole", {"RoleName": "worker", "AssumeRolePolicyDocument": TRUST, "Tags": _TAGS}),
    ("iam", "PutRolePolicy", {"RoleName": "worker", "PolicyName": "inline", "PolicyDocument": ALLOW}),
    ("iam", "CreatePolicy", {"PolicyName": "allow", "PolicyDocument": ALLOW, "Path": "/", "Tags": _TAGS}),
    ("iam", "AttachRolePolicy", {"RoleName": "worker", "PolicyArn": _POLICY}),
    ("iam", "CreatePolicyVersion", {"PolicyArn": _POLICY, "PolicyDocument": ALLOW, "SetAsDefault": True}),
    ("iam", "CreateInstanceProfile", {"InstanceProfileName": "profile"}),
    ("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": "profile", "RoleName": "worker"}),
    ("iam", "CreateUser", {"UserName": "ann", "PermissionsBoundary": _POLICY, "Tags": _TAGS}),
    ("iam", "PutUserPolicy", {"UserName": "ann", "PolicyName": "inline", "PolicyDocument": ALLOW}),
    ("iam", "CreateGroup", {"GroupName": "people"}),
    ("iam", "PutGroupPolicy", {"GroupName": "people", "PolicyName": "inline", "PolicyDocument": ALLOW}),
    ("iam", "AddUserToGroup", {"GroupName": "people", "UserName": "ann"}),
    ("iam", "CreateAccessKey", {"UserName": "ann"}),
    ("iam", "CreateServiceLinkedRole", {"AWSServiceName": "batch.amazonaws.com"}),
    ("iam", "CreateServiceLinkedRole", {"AWSServiceName": "spot.amazonaws.com"}),
    ("iam", "DeleteServiceLinkedRole", {"RoleName": "@RoleName"}),
    ("ecr", "CreateRepository", {"repositoryName": "images/feed", "tags": _TAGS}),
    ("ecr", "SetRepositoryPolicy", {"repositoryName": "images/feed", "policyText": ALLOW}),
    ("ecr", "PutLifecyclePolicy", {"repositoryName": "images/feed", "lifecyclePolicyText": LIFECYCLE}),
    ("secretsmanager", "CreateSecret", {"Name": "db/password", "SecretString": '{"user": "ann"}', "Tags": _TAGS}),
    ("secretsmanager", "PutSecretValue", {"SecretId": "db/password", "SecretString": "other"}),
    ("secretsmanager", "PutResourcePolicy", {"SecretId": "db/password", "ResourcePolicy": ALLOW}),
    ("ssm", "PutParameter", {"Name": "/db/host", "Value": "localhost", "Type": "String", "Tags": _TAGS}),
    ("ssm", "PutParameter", {"Name": "/db/key", "Value": "secret", "Type": "SecureString"}),
    ("ssm", "PutParameter", {"Name": "/db/host", "Value": "elsewhere", "Overwrite": True}),
    ("ssm", "LabelParameterVersion", {"Name": "/db/host", "Labels": ["good"]}),
    ("ec2", "CreateVpc", {"CidrBlock": "10.9.0.0/16"}),
    ("ec2", "CreateInternetGateway", {}),
    _remember(FreeVpcId="@VpcId", FreeGatewayId="@InternetGatewayId"),
    ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}),
    _remember(OwnVpcId="@VpcId"),
    ("ec2", "CreateSubnet", {"VpcId": "@VpcId", "CidrBlock": "10.0.1.0/24"}),
    ("ec2", "CreateSecurityGroup", {"GroupName": "web", "Description": "d", "VpcId": "@VpcId"}),
    ("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": "@GroupId", "IpPermissions": [_RULE]}),
    _remember(OwnGroupId="@GroupId", OwnRuleId="@SecurityGroupRuleId"),
    ("ec2", "AuthorizeSecurityGroupEgress", {"GroupId": "@GroupId", "IpPermissions": [_RULE]}),
    ("ec2", "RevokeSecurityGroupEgress", {"GroupId": "@GroupId", "IpPermissions": [_RULE]}),
    ("ec2", "CreateInternetGateway", {}),
    ("ec2", "AttachInternetGateway", {"InternetGatewayId": "@InternetGatewayId", "VpcId": "@VpcId"}),
    ("ec2", "CreateRouteTable", {"VpcId": "@VpcId"}),
    (
        "ec2",
        "CreateRoute",
        {
            "RouteTableId": "@RouteTableId",
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": "@InternetGatewayId",
        },
    ),
    ("ec2", "AssociateRouteTable", {"RouteTableId": "@RouteTableId", "SubnetId": "@SubnetId"}),
    ("ec2", "CreateLaunchTemplate", {"LaunchTemplateName": "tpl", "LaunchTemplateData": _MACHINE}),
    ("ec2", "CreateLaunchTemplateVersion", {"LaunchTemplateName": "tpl", "LaunchTemplateData": {"ImageId": "ami-2"}}),
    ("ec2", "CreateTags", {"Resources": ["@VpcId"], "Tags": _TAGS}),
    *messaging.FIRST,
    *workers.FIRST,
    *clocks.FIRST,
    *watchers.FIRST,
]
THEN: list[Call] = [
    *(_batch("ListJobs", jobQueue="night", jobStatus=s) for s in ("PENDING", "RUNNING", "SUCCEEDED", "FAILED")),
    _batch("ListJobs", jobQueue="idle", jobStatus="RUNNABLE", maxResults=1),
    _batch("DescribeJobQueues", maxResults=1),
    ("logs", "DescribeLogStreams", {"logGroupName": "/aws/batch/job"}),
    ("logs", "GetLogEvents", {"logGroupName": "/aws/batch/job", "logStreamName": "@logStreamName"}),
    ("logs", "FilterLogEvents", {"logGroupName": "/aws/batch/job", "limit": 1}),
    ("ec2", "DescribeVpcs", {}),
    ("ec2", "DescribeSubnets", {}),
    ("ec2", "DescribeSecurityGroupRules", {}),
    ("ec2", "DescribeNetworkAcls", {}),
    ("ec2", "DescribeInstanceTypes", {"MaxResults": 5}),
    ("iam", "ListRoles", {"MaxItems": 1}),
    ("iam", "GetServiceLinkedRoleDeletionStatus", {"DeletionTaskId": "@DeletionTaskId"}),
    ("sts", "GetCallerIdentity", {}),
]

# What would change the town too much to be lived through, and more ways to ask.
MORE: list[Call] = [
    *trainers.MORE,
    *gangs.MORE,
    *counters.MORE,
    _batch(
        "SubmitJob",
        jobName="more",
        jobQueue="night",
        jobDefinition="feed:2",
        parameters={"what": "else"},
        dependsOn=[{"jobId": "@jobId"}],
        retryStrategy=_RETRY,
        timeout={"attemptDurationSeconds": 60},
        containerOverrides={
            "command": ["x"],
            "environment": [{"name": "B", "value": "c"}],
            "resourceRequirements": _SIZE,
        },
        tags={"team": "night"},
        propagateTags=True,
    ),
    _batch("SubmitJob", jobName="array", jobQueue="night", jobDefinition="feed:1", arrayProperties={"size": 3}),
    _batch(
        "SubmitJob",
        jobName="each",
        jobQueue="night",
        jobDefinition="feed:1",
        arrayProperties={"size": 3},
        dependsOn=[{"jobId": "@ArrayId", "type": "N_TO_N"}],
    ),
    _batch("ListJobs", arrayJobId="@ArrayId", jobStatus="RUNNABLE"),
    _batch("DescribeJobs", jobs=["@ArrayId"]),
    _batch("GetJobQueueSnapshot", jobQueue="idle"),
    _batch("SubmitJob", jobName="cloud", jobQueue="cloud", jobDefinition="cloud"),
    _batch("ListJobs", jobQueue="night", filters=[{"name": "JOB_NAME", "values": ["job*"]}]),
    _batch("ListJobs", jobQueue="night", filters=[{"name": "JOB_DEFINITION", "values": ["feed"]}]),
    _batch("ListJobs", jobQueue="night", filters=[{"name": "AFTER_CREATED_AT", "values": ["1"]}]),
    _batch("DescribeJobDefinitions", jobDefinitionName="feed", status="ACTIVE", maxResults=1),
    _batch("DescribeJobDefinitions", jobDefinitions=["feed:1"]),
    _batch("UpdateComputeEnvironment", computeEnvironment="ec2", state="DISABLED", computeResources={"maxvCpus": 32}),
    _batch("DeleteComputeEnvironment", computeEnvironment="spot"),
    _batch(
        "UpdateJobQueue",
        jobQueue="night",
        priority=5,
        computeEnvironmentOrder=[{"order": 2, "computeEnvironment": "ec2"}],
        jobStateTimeLimitActions=[
            {
                "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
                "state": "RUNNABLE",
                "maxTimeSeconds": 600,
                "action": "CANCEL",
            }
        ],
    ),
    _batch("UpdateJobQueue", jobQueue="night", state="DISABLED"),
    _environment("new", computeResources=_EC2),
    _queue("new", "ec2"),
    _batch("DeleteJobQueue", jobQueue="closed"),
    _batch("TerminateJobs", jobs=["@jobId"], reason="enough"),
    _batch("TagResource", resourceArn="@jobArn", tags={"a": "b"}),
    _batch("UntagResource", resourceArn="@jobDefinitionArn", tagKeys=["team"]),
    (
        "logs",
        "PutLogEvents",
        {
            "logGroupName": "own-group",
            "logStreamName": "one",
            "logEvents": [{"timestamp": NOW_MS, "message": "a"}, {"timestamp": NOW_MS + 1, "message": "ERROR b"}],
        },
    ),
    ("logs", "DescribeLogGroups", {"logGroupNamePrefix": "own", "limit": 1}),
    ("logs", "DescribeLogStreams", {"logGroupName": "own-group", "orderBy": "LastEventTime", "descending": True}),
    ("logs", "PutRetentionPolicy", {"logGroupName": "own-group", "retentionInDays": 1}),
    ("logs", "FilterLogEvents", {"logGroupName": "/aws/batch/job", "filterPattern": "{ $.a = 1 }", "limit": 1}),
    (
        "logs",
        "FilterLogEvents",
        {"logGroupName": "/aws/batch/job", "logStreamNames": ["@logStreamName"], "startTime": 1},
    ),
    ("logs", "TestMetricFilter", {"filterPattern": "[a, b=1*, ...]", "logEventMessages": ["x 1 2", '{"a": [1]}']}),
    ("logs", "DeleteLogStream", {"logGroupName": "own-group", "logStreamName": "one"}),
    ("logs", "PutLogGroupDeletionProtection", {"logGroupIdentifier": "own-group", "deletionProtectionEnabled": True}),
    ("logs", "TagResource", {"resourceArn": _GROUP, "tags": {"a": "b"}}),
    ("logs", "UntagResource", {"resourceArn": _GROUP, "tagKeys": ["team"]}),
    ("logs", "ListTagsForResource", {"resourceArn": _GROUP}),
    *(
        _iam(f"{verb}{noun}Policy", PolicyName="inline", **{f"{noun}Name": name})
        for verb in ("Get", "Delete")
        for noun, name in _PRINCIPALS
    ),
    *(
        _iam(f"{verb}{noun}Policy", PolicyArn=_POLICY, **{f"{noun}Name": name})
        for verb in ("Attach",)
        for noun, name in _PRINCIPALS
    ),
    *(_iam(f"Tag{noun}", Tags=_TAGS, **{f"{noun}Name": name}) for noun, name in _TAGGED),
    *(_iam(f"Untag{noun}", TagKeys=["team"], **{f"{noun}Name": name}) for noun, name in _TAGGED),
    _iam("TagPolicy", PolicyArn=_POLICY, Tags=_TAGS),
    _iam("DetachRolePolicy", RoleName="worker", PolicyArn=_POLICY),
    _iam("DeletePolicyVersion", PolicyArn=_POLICY, VersionId="v1"),
    _iam("RemoveRoleFromInstanceProfile", InstanceProfileName="profile", RoleName="worker"),
    _iam("RemoveUserFromGroup", GroupName="people", UserName="ann"),
    _iam("UpdateAccessKey", UserName="ann", AccessKeyId="@AccessKeyId", Status="Inactive"),
    _iam("DeleteAccessKey", UserName="ann", AccessKeyId="@AccessKeyId"),
    _iam("DeleteServiceLinkedRole", RoleName="AWSServiceRoleForBatch"),
    _iam("GetGroup", GroupName="people"),
    _iam("CreateRole", RoleName="new", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=_POLICY),
    ("iam", "UpdateAssumeRolePolicy", {"RoleName": "worker", "PolicyDocument": TRUST}),
    ("iam", "UpdateRole", {"RoleName": "worker", "Description": "d", "MaxSessionDuration": 3600}),
    ("iam", "ListRoles", {"PathPrefix": "/", "Marker": "@Marker"}),
    ("iam", "ListPolicies", {"Scope": "AWS", "OnlyAttached": False, "MaxItems": 2}),
    ("ecr", "CreateRepository", {"repositoryName": "bb", "imageScanningConfiguration": {"scanOnPush": True}}),
    ("ecr", "ListImages", {"repositoryName": "images/feed", "filter": {"tagStatus": "TAGGED"}}),
    ("ecr", "DescribeRepositories", {"repositoryNames": ["images/feed"]}),
    ("ecr", "BatchGetImage", {"repositoryName": "images/feed", "imageIds": [{"imageTag": "latest"}]}),
    ("ec2", "DescribeVpcs", {"Filters": [{"Name": "tag:team", "Values": ["n*"]}], "MaxResults": 5}),
    ("ec2", "DescribeInstanceTypes", {"Filters": [{"Name": "vcpu-info.default-vcpus", "Values": ["2"]}]}),
    ("ec2", "DescribeLaunchTemplateVersions", {"LaunchTemplateName": "tpl", "Versions": ["$Latest"]}),
    ("ec2", "DescribeLaunchTemplateVersions", {"LaunchTemplateName": "tpl", "MinVersion": "1", "MaxVersion": "2"}),
    ("ec2", "DeleteLaunchTemplateVersions", {"LaunchTemplateName": "tpl", "Versions": ["2"]}),
    ("ec2", "ModifyVpcAttribute", {"VpcId": "@VpcId", "EnableDnsHostnames": {"Value": True}}),
    (
        "ec2",
        "ReplaceRoute",
        {"RouteTableId": "@RouteTableId", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "local"},
    ),
    ("ecr", "TagResource", {"resourceArn": _REPOSITORY, "tags": _TAGS}),
    ("ecr", "UntagResource", {"resourceArn": _REPOSITORY, "tagKeys": ["team"]}),
    ("ecr", "ListTagsForResource", {"resourceArn": _REPOSITORY}),
    ("ecr", "PutRegistryPolicy", {"policyText": ALLOW}),
    ("ec2", "CreateSubnet", {"VpcId": "@OwnVpcId", "CidrBlock": "10.0.2.0/24", "TagSpecifications": _SPECIFICATIONS}),
    ("ec2", "DetachInternetGateway", {"InternetGatewayId": "@InternetGatewayId", "VpcId": "@OwnVpcId"}),
    ("ec2", "AttachInternetGateway", {"InternetGatewayId": "@FreeGatewayId", "VpcId": "@FreeVpcId"}),
    ("ec2", "DeleteInternetGateway", {"InternetGatewayId": "@FreeGatewayId"}),
    ("ec2", "DeleteVpc", {"VpcId": "@FreeVpcId"}),
    ("ec2", "DeleteTags", {"Resources": ["@OwnVpcId"], "Tags": [{"Key": "team"}]}),
    ("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": "@OwnGroupId", "IpPermissions": [{**_RULE, "ToPort": 81}]}),
    ("ec2", "RevokeSecurityGroupIngress", {"GroupId": "@OwnGroupId", "IpPermissions": [_RULE]}),
    (
        "ec2",
        "RevokeSecurityGroupEgress",
        {"GroupId": "@OwnGroupId", "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
    ),
    ("ec2", "UpdateSecurityGroupRuleDescriptionsIngress", {"GroupId": "@OwnGroupId", "IpPermissions": [_RULE]}),
    (
        "ec2",
        "ModifySecurityGroupRules",
        {
            "GroupId": "@OwnGroupId",
            "SecurityGroupRules": [
                {
                    "SecurityGroupRuleId": "@OwnRuleId",
                    "SecurityGroupRule": {"IpProtocol": "udp", "FromPort": 1, "ToPort": 2, "CidrIpv4": "10.0.0.0/9"},
                }
            ],
        },
    ),
    ("secretsmanager", "GetSecretValue", {"SecretId": "db/password", "VersionStage": "AWSPREVIOUS"}),
    ("secretsmanager", "BatchGetSecretValue", {"Filters": [{"Key": "name", "Values": ["db"]}]}),
    ("secretsmanager", "ListSecrets", {"Filters": [{"Key": "all", "Values": ["!x"]}], "SortOrder": "asc"}),
    ("secretsmanager", "ListSecretVersionIds", {"SecretId": "db/password", "IncludeDeprecated": True}),
    ("secretsmanager", "DescribeSecret", {"SecretId": "db/password"}),
    ("secretsmanager", "UpdateSecret", {"SecretId": "db/password", "SecretString": "new", "Description": "d"}),
    ("secretsmanager", "DeleteSecret", {"SecretId": "db/password", "RecoveryWindowInDays": 7}),
    ("secretsmanager", "TagResource", {"SecretId": "db/password", "Tags": _TAGS}),
    ("secretsmanager", "UntagResource", {"SecretId": "db/password", "TagKeys": ["team"]}),
    ("secretsmanager", "GetResourcePolicy", {"SecretId": "db/password"}),
    ("ssm", "GetParameter", {"Name": "/db/host:good", "WithDecryption": True}),
    ("ssm", "GetParameters", {"Names": ["/db/host:1", "/db/key"], "WithDecryption": True}),
    ("ssm", "GetParameterHistory", {"Name": "/db/host", "MaxResults": 1}),
    ("ssm", "GetParametersByPath", {"Path": "/db", "Recursive": True, "MaxResults": 1}),
    ("ssm", "DescribeParameters", {"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/db"]}]}),
    ("ssm", "AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": "/db/host", "Tags": _TAGS}),
    ("ssm", "ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": "/db/host"}),
    ("ssm", "RemoveTagsFromResource", {"ResourceType": "Parameter", "ResourceId": "/db/host", "TagKeys": ["team"]}),
    ("ssm", "UnlabelParameterVersion", {"Name": "/db/host", "ParameterVersion": 2, "Labels": ["good"]}),
    ("ssm", "DeleteParameter", {"Name": "/db/host"}),
    ("batchd", "SearchJobs", {"jobName": "job*", "status": "FAILED", "exitCode": 1}),
    ("batchd", "PurgeQueue", {"jobQueue": "idle", "reason": "enough"}),
    ("batchd", "ExplainJob", {"jobId": "@jobId"}),
    ("sts", "AssumeRole", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker", "RoleSessionName": "ss"}),
    *messaging.MORE,
    *workers.MORE,
    *clocks.MORE,
    *watchers.MORE,
]
