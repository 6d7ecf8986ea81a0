"""What a job does in test_inside_a_job: finds credentials by itself, says who it is, submits another job.

python program_in_a_job.py QUEUE DEFINITION
"""

import json
import os
import sys

import boto3

queue, definition = sys.argv[1:]
identity = boto3.client("sts").get_caller_identity()
submitted = boto3.client("batch").submit_job(jobName="from-inside", jobQueue=queue, jobDefinition=definition)
told = {
    "keys": sorted(name for name in os.environ if name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    "arn": identity["Arn"],
    "submitted": submitted["jobId"],
    "uri": os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    "token": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
}
print(json.dumps(told))
