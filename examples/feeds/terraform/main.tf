# The flow as infrastructure. The provider is pointed at the server by endpoint settings and nothing else.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "schedule" { default = "cron(0 6 * * ? *)" }
variable "store" {}
variable "python" { default = "python3" }
variable "folder" { default = "" } # of the scripts, where this file is not beside them
variable "start_zip" {}
variable "analyse_zip" {}

locals {
  here = var.folder != "" ? var.folder : abspath("${path.module}/..")
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = false
  endpoints {
    batch     = var.endpoint
    ec2       = var.endpoint
    events    = var.endpoint
    iam       = var.endpoint
    lambda    = var.endpoint
    scheduler = var.endpoint
    sns       = var.endpoint
    sqs       = var.endpoint
    sts       = var.endpoint
  }
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_iam_role" "feeds" {
  name = "feeds"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["lambda.amazonaws.com", "batch.amazonaws.com", "ecs-tasks.amazonaws.com", "scheduler.amazonaws.com"] }
    }]
  })
}

resource "aws_iam_instance_profile" "feeds" {
  name = "feeds"
  role = aws_iam_role.feeds.name
}

resource "aws_batch_compute_environment" "feeds" {
  compute_environment_name = "feeds"
  type                     = "MANAGED"
  compute_resources {
    type          = "EC2"
    min_vcpus     = 0
    max_vcpus     = 16
    instance_type = ["optimal"]
    instance_role = aws_iam_instance_profile.feeds.arn
    subnets       = data.aws_subnets.default.ids
  }
}

resource "aws_batch_job_queue" "feeds" {
  name     = "feeds"
  state    = "ENABLED"
  priority = 1
  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.feeds.arn
  }
}

resource "aws_batch_job_definition" "check" {
  name = "feedstream-check"
  type = "container"
  container_properties = jsonencode({
    image                = "python:3-slim"
    command              = [var.python, "${local.here}/check.py", "Ref::feed", var.store, aws_sns_topic.changed.arn]
    jobRoleArn           = aws_iam_role.feeds.arn
    resourceRequirements = [{ type = "VCPU", value = "1" }, { type = "MEMORY", value = "256" }]
  })
  retry_strategy {
    attempts = 3
  }
}

resource "aws_batch_job_definition" "count" {
  name = "feedstream-count"
  type = "container"
  container_properties = jsonencode({
    image                = "python:3-slim"
    command              = [var.python, "${local.here}/count.py"]
    jobRoleArn           = aws_iam_role.feeds.arn
    resourceRequirements = [{ type = "VCPU", value = "1" }, { type = "MEMORY", value = "256" }]
  })
}

# Every day a rule starts a function, which starts the job that looks at the feed.

resource "aws_cloudwatch_event_rule" "daily" {
  name                = "feeds-daily"
  schedule_expression = var.schedule
}

resource "aws_cloudwatch_event_target" "start" {
  rule      = aws_cloudwatch_event_rule.daily.name
  target_id = "start"
  arn       = aws_lambda_function.start.arn
  input = jsonencode({
    jobName       = "check-feed"
    jobQueue      = aws_batch_job_queue.feeds.name
    jobDefinition = aws_batch_job_definition.check.name
    parameters    = { feed = "${local.here}/feed.xml" }
  })
}

resource "aws_lambda_function" "start" {
  function_name    = "feeds-start"
  runtime          = "python3.12"
  handler          = "app.handler"
  role             = aws_iam_role.feeds.arn
  timeout          = 30
  filename         = var.start_zip
  source_code_hash = filebase64sha256(var.start_zip)
}

resource "aws_lambda_permission" "start" {
  statement_id  = "rule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.start.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.daily.arn
}

# What has changed is told to a topic; its message starts a function, which starts the job that analyses it.

resource "aws_sns_topic" "changed" {
  name = "feeds-changed"
}

resource "aws_lambda_function" "analyse" {
  function_name    = "feeds-analyse"
  runtime          = "python3.12"
  handler          = "app.handler"
  role             = aws_iam_role.feeds.arn
  timeout          = 30
  filename         = var.analyse_zip
  source_code_hash = filebase64sha256(var.analyse_zip)
  environment {
    variables = {
      JOB_QUEUE      = aws_batch_job_queue.feeds.name
      JOB_DEFINITION = aws_batch_job_definition.count.name
      PARALLELISM    = "4"
    }
  }
  dead_letter_config {
    target_arn = aws_sqs_queue.missed.arn
  }
}

resource "aws_lambda_permission" "analyse" {
  statement_id  = "topic"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.analyse.function_name
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.changed.arn
}

resource "aws_sns_topic_subscription" "analyse" {
  topic_arn = aws_sns_topic.changed.arn
  protocol  = "lambda"
  endpoint  = aws_lambda_function.analyse.arn
}

resource "aws_sqs_queue" "missed" {
  name                      = "feeds-missed"
  message_retention_seconds = 1209600
}

# The shorter way: a schedule with a time zone submits the job itself.

resource "aws_scheduler_schedule" "weekly" {
  name                         = "feeds-weekly"
  schedule_expression          = "cron(0 7 ? * MON *)"
  schedule_expression_timezone = "Europe/Berlin"
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = "arn:aws:scheduler:::aws-sdk:batch:submitJob"
    role_arn = aws_iam_role.feeds.arn
    input = jsonencode({
      JobName       = "check-feed-weekly"
      JobQueue      = aws_batch_job_queue.feeds.name
      JobDefinition = aws_batch_job_definition.check.name
      Parameters    = { feed = "${local.here}/feed.xml" }
    })
  }
}
