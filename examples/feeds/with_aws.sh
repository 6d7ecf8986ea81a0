#!/bin/sh
# Sets the flow up with the aws command line.
#
#     with_aws.sh SCHEDULE STORE      for example: with_aws.sh "cron(0 6 * * ? *)" /srv/feeds
set -eu
schedule=$1 store=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

service() { # JSON of a trust policy
    echo '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service":
        ["lambda.amazonaws.com", "batch.amazonaws.com", "ecs-tasks.amazonaws.com"]}}]}'
}
define() { # NAME COMMAND-AS-JSON
    aws batch register-job-definition --job-definition-name "$1" --type container --retry-strategy attempts=3 \
        --container-properties "{\"image\": \"python:3-slim\", \"command\": $2, \"jobRoleArn\": \"$role\",
            \"resourceRequirements\": [{\"type\": \"VCPU\", \"value\": \"1\"}, {\"type\": \"MEMORY\", \"value\": \"256\"}]}"
}
create() { # NAME FOLDER VARIABLES: a function; prints its ARN
    "$python" -m zipfile -c "$work/$2.zip" "$here/$2/app.py"
    aws lambda create-function --function-name "$1" --runtime python3.12 --handler app.handler --role "$role" \
        --timeout 30 --environment "Variables={$3}" --zip-file "fileb://$work/$2.zip" --query FunctionArn --output text
    aws lambda wait function-active-v2 --function-name "$1"
}
permit() { # FUNCTION SERVICE SOURCE-ARN
    aws lambda add-permission --function-name "$1" --statement-id source --action lambda:InvokeFunction \
        --principal "$2" --source-arn "$3"
}

{
    role=$(aws iam create-role --role-name feeds --assume-role-policy-document "$(service)" \
        --query Role.Arn --output text)
    subnet=$(aws ec2 describe-subnets --query 'Subnets[0].SubnetId' --output text)
    aws batch create-compute-environment --compute-environment-name feeds --type MANAGED \
        --compute-resources "type=EC2,minvCpus=0,maxvCpus=16,instanceTypes=optimal,instanceRole=ecsInstanceRole,subnets=$subnet"
    aws batch create-job-queue --job-queue-name feeds --priority 1 \
        --compute-environment-order order=1,computeEnvironment=feeds
    topic=$(aws sns create-topic --name feeds-changed --query TopicArn --output text)
    define feedstream-check "[\"$python\", \"$here/check.py\", \"Ref::feed\", \"$store\", \"$topic\"]"
    define feedstream-count "[\"$python\", \"$here/count.py\"]"

    rule=$(aws events put-rule --name feeds-daily --schedule-expression "$schedule" --query RuleArn --output text)
    start=$(create feeds-start start "")
    permit feeds-start events.amazonaws.com "$rule"
    analyse=$(create feeds-analyse analyse "JOB_QUEUE=feeds,JOB_DEFINITION=feedstream-count,PARALLELISM=4")
    permit feeds-analyse sns.amazonaws.com "$topic"
    aws sns subscribe --topic-arn "$topic" --protocol lambda --notification-endpoint "$analyse"

    # Last: what is published before somebody subscribes is lost.
    job="{\\\"jobName\\\": \\\"check-feed\\\", \\\"jobQueue\\\": \\\"feeds\\\", \\\"jobDefinition\\\": \\\"feedstream-check\\\","
    job="$job \\\"parameters\\\": {\\\"feed\\\": \\\"$here/feed.xml\\\"}}"
    echo "[{\"Id\": \"start\", \"Arn\": \"$start\", \"Input\": \"$job\"}]" >"$work/targets.json"
    aws events put-targets --rule feeds-daily --targets "file://$work/targets.json"
} >/dev/null
