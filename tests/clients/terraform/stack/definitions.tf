resource "aws_batch_job_definition" "loader" {
  name = "feeds-loader"
  type = "container"

  container_properties = <<PROPERTIES
{
    "command": ["python", "load.py", "--process", "Ref::processId", "--day", "Ref::day"],
    "image": "${aws_ecr_repository.feed.repository_url}:${var.image_tag}",
    "jobRoleArn": "${aws_iam_role.job.arn}",
    "vcpus": 1,
    "memory": 512,
    "environment": [
        {"name": "STAGE", "value": "${var.stage}"},
        {"name": "DAY", "value": "Ref::day"}
    ],
    "user": "Ref::user",
    "mountPoints": [
        {"sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": false}
    ],
    "ulimits": [
        {"name": "nofile", "softLimit": 1024, "hardLimit": 4096}
    ],
    "volumes": [
        {"name": "scratch", "host": {"sourcePath": "/tmp"}}
    ]
}
PROPERTIES

  parameters = {
    day  = "today"
    user = "nobody"
  }

  retry_strategy {
    attempts = 3

    evaluate_on_exit {
      action           = "RETRY"
      on_status_reason = "Host EC2*"
    }

    evaluate_on_exit {
      action       = "EXIT"
      on_exit_code = "1"
    }
  }

  timeout {
    attempt_duration_seconds = 3600
  }

  tags = {
    stage = var.stage
  }
}

resource "aws_batch_job_definition" "fargate" {
  name                  = "feeds-fargate"
  type                  = "container"
  platform_capabilities = ["FARGATE"]
  propagate_tags        = true

  container_properties = jsonencode({
    image            = "public.ecr.aws/docker/library/busybox:latest"
    command          = ["echo", "Ref::processId"]
    jobRoleArn       = aws_iam_role.job.arn
    executionRoleArn = aws_iam_role.job.arn
    resourceRequirements = [
      { type = "VCPU", value = "0.25" },
      { type = "MEMORY", value = "512" },
    ]
    secrets = [
      { name = "DATABASE_PASSWORD", valueFrom = "${aws_secretsmanager_secret.database.arn}:password::" },
      { name = "FEED_TOKEN", valueFrom = aws_ssm_parameter.token.arn },
    ]
    networkConfiguration         = { assignPublicIp = "ENABLED" }
    fargatePlatformConfiguration = { platformVersion = "LATEST" }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.job.name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = "fargate"
      }
    }
  })
}

# What other configurations look up.
data "aws_batch_job_queue" "feeds" {
  name = aws_batch_job_queue.feeds.name
}

data "aws_batch_compute_environment" "on_demand" {
  compute_environment_name = aws_batch_compute_environment.on_demand.compute_environment_name
}

data "aws_ecr_repository" "feed" {
  name = aws_ecr_repository.feed.name
}

data "aws_cloudwatch_log_group" "job" {
  name = aws_cloudwatch_log_group.job.name
}

output "queue_arn" {
  value = data.aws_batch_job_queue.feeds.arn
}

output "definition" {
  value = aws_batch_job_definition.loader.name
}

resource "aws_batch_job_definition" "training" {
  name = "feeds-training"
  type = "multinode"

  node_properties = jsonencode({
    mainNode = 0
    numNodes = 3

    nodeRangeProperties = [
      {
        targetNodes = "0:"

        container = {
          command = ["sh", "-c", "echo $AWS_BATCH_JOB_NODE_INDEX"]
          image   = "busybox"
          environment = [
            { name = "STAGE", value = var.stage }
          ]
          resourceRequirements = [
            { type = "VCPU", value = "1" },
            { type = "MEMORY", value = "128" }
          ]
        }
      },
      {
        targetNodes = "1:2"

        container = {
          command = ["sh", "-c", "echo I follow"]
          image   = "busybox"
          vcpus   = 1
          memory  = 256
        }
      }
    ]
  })

  retry_strategy {
    attempts = 2
  }
}
