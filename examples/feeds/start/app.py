"""Starts a job: the handler of a rule that comes every day. Plain Lambda code."""

import boto3

batch = boto3.client("batch")


def handler(event, context):
    print(event)
    request = {name: event[name] for name in ("jobName", "jobQueue", "jobDefinition")}
    for name in ("containerOverrides", "parameters"):
        if event.get(name):
            request[name] = event[name]
    response = batch.submit_job(**request)
    print(response)
    return response["jobId"]
