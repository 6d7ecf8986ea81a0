"""Starts the next job with what a topic says: the handler of a subscription. Plain Lambda code."""

import json
import os

import boto3

batch = boto3.client("batch")


def handler(event, context):
    message = event["Records"][0]["Sns"]["Message"]
    print(message)
    environment = [
        {"name": "DOWNLOAD_MESSAGE", "value": message},
        {"name": "PARALLELISM", "value": os.environ.get("PARALLELISM", "2")},
    ]
    response = batch.submit_job(
        jobName=f"analyse-{json.loads(message)['feed']}",
        jobQueue=os.environ["JOB_QUEUE"],
        jobDefinition=os.environ["JOB_DEFINITION"],
        containerOverrides={"environment": environment},
    )
    print(response)
    return response["jobId"]
