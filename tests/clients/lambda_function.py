"""A Lambda function as users write it: nothing in it knows where it runs."""

import boto3

batch = boto3.client("batch")


def lambda_handler(event, context):  # type: ignore[no-untyped-def]  # as users write it
    response = batch.submit_job(
        jobName=event["name"],
        jobQueue=event["queue"],
        jobDefinition=event["definition"],
        containerOverrides={"vcpus": 2, "memory": 2000, "command": ["echo", event["message"]]},
    )
    print(f"submitted {response['jobName']}")
    return response["jobId"]
