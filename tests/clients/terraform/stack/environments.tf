resource "aws_batch_compute_environment" "on_demand" {
  compute_environment_name = "feeds-on-demand"
  type                     = "MANAGED"
  service_role             = aws_iam_role.service.arn

  compute_resources {
    type               = "EC2"
    instance_role      = aws_iam_instance_profile.instance.arn
    instance_type      = ["c5.large", "c5.xlarge", "m5"]
    min_vcpus          = 0
    desired_vcpus      = 0
    max_vcpus          = var.max_vcpus
    security_group_ids = [aws_security_group.batch.id]
    subnets            = data.aws_subnets.default.ids

    launch_template {
      launch_template_id = aws_launch_template.disk.id
      version            = "$Latest"
    }

    tags = {
      Name = "feeds"
    }
  }

  tags = {
    stage = var.stage
  }

  depends_on = [aws_iam_role_policy_attachment.service]
}

resource "aws_batch_compute_environment" "spot" {
  compute_environment_name = "feeds-spot"
  type                     = "MANAGED"
  service_role             = aws_iam_role.service.arn

  compute_resources {
    type                = "SPOT"
    allocation_strategy = "SPOT_CAPACITY_OPTIMIZED"
    bid_percentage      = 60
    instance_role       = aws_iam_instance_profile.instance.arn
    instance_type       = ["optimal"]
    min_vcpus           = 0
    max_vcpus           = var.max_vcpus
    security_group_ids  = [aws_security_group.batch.id]
    subnets             = data.aws_subnets.default.ids
  }

  depends_on = [aws_iam_role_policy_attachment.service]
}

resource "aws_batch_compute_environment" "fargate" {
  compute_environment_name = "feeds-fargate"
  type                     = "MANAGED"
  service_role             = aws_iam_role.service.arn

  compute_resources {
    type               = "FARGATE"
    max_vcpus          = var.max_vcpus
    security_group_ids = [aws_security_group.batch.id]
    subnets            = [data.aws_subnet.first.id]
  }

  depends_on = [aws_iam_role_policy_attachment.service]
}
