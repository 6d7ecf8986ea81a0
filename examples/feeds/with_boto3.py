"""Sets the flow up with boto3.

with_boto3.py SCHEDULE STORE      for example: with_boto3.py "cron(0 6 * * ? *)" /srv/feeds
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parent
ACCOUNT = boto3.client("sts").get_caller_identity()["Account"]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["lambda.amazonaws.com", "batch.amazonaws.com", "ecs-tasks.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


def zipped(folder: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(HERE / folder / "app.py", "app.py")
    return buffer.getvalue()


def queue(batch, role: str) -> None:
    batch.create_compute_environment(
        computeEnvironmentName="feeds",
        type="MANAGED",
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 16,
            "instanceTypes": ["optimal"],
            "instanceRole": "ecsInstanceRole",
            "subnets": [boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]],
        },
    )
    order = [{"order": 1, "computeEnvironment": "feeds"}]
    batch.create_job_queue(jobQueueName="feeds", priority=1, computeEnvironmentOrder=order)


def define(batch, name: str, role: str, command: list[str]) -> None:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "256"}]
    container = {"image": "python:3-slim", "command": command, "resourceRequirements": needs, "jobRoleArn": role}
    batch.register_job_definition(
        jobDefinitionName=name, type="container", containerProperties=container, retryStrategy={"attempts": 3}
    )


def function(name: str, folder: str, role: str, variables: dict[str, str], source: str, source_arn: str) -> str:
    """A function that this source may invoke."""
    client = boto3.client("lambda")
    made = client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": zipped(folder)},
        Timeout=30,
        Environment={"Variables": variables},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.add_permission(
        FunctionName=name,
        StatementId="source",
        Action="lambda:InvokeFunction",
        Principal=source,
        SourceArn=source_arn,
    )
    return made["FunctionArn"]


def main(schedule: str, store: str) -> None:
    batch, sns, events = (boto3.client(name) for name in ("batch", "sns", "events"))
    role = boto3.client("iam").create_role(RoleName="feeds", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    queue(batch, role)
    topic = sns.create_topic(Name="feeds-changed")["TopicArn"]
    define(batch, "feedstream-check", role, [sys.executable, str(HERE / "check.py"), "Ref::feed", store, topic])
    define(batch, "feedstream-count", role, [sys.executable, str(HERE / "count.py")])

    rule = events.put_rule(Name="feeds-daily", ScheduleExpression=schedule)["RuleArn"]
    start = function("feeds-start", "start", role, {}, "events.amazonaws.com", rule)
    variables = {"JOB_QUEUE": "feeds", "JOB_DEFINITION": "feedstream-count", "PARALLELISM": "4"}
    analyse = function("feeds-analyse", "analyse", role, variables, "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=analyse)

    job = {
        "jobName": "check-feed",
        "jobQueue": "feeds",
        "jobDefinition": "feedstream-check",
        "parameters": {"feed": str(HERE / "feed.xml")},
    }
    # Last: what is published before somebody subscribes is lost.
    events.put_targets(Rule="feeds-daily", Targets=[{"Id": "start", "Arn": start, "Input": json.dumps(job)}])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
