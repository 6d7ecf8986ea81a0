resource "aws_batch_scheduling_policy" "fair" {
  name = "feeds-fair"

  fair_share_policy {
    compute_reservation = 1
    share_decay_seconds = 3600

    share_distribution {
      share_identifier = "night*"
      weight_factor    = 0.1
    }

    share_distribution {
      share_identifier = "day"
      weight_factor    = 0.5
    }
  }
}

# The older form, which the provider warns of and many configurations still have.
resource "aws_batch_job_queue" "feeds" {
  name                 = "feeds"
  state                = "ENABLED"
  priority             = var.priority
  compute_environments = [aws_batch_compute_environment.on_demand.arn]

  tags = {
    stage = var.stage
  }
}

resource "aws_batch_job_queue" "spare" {
  name                  = "feeds-spare"
  state                 = "ENABLED"
  priority              = 1
  scheduling_policy_arn = aws_batch_scheduling_policy.fair.arn

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.spot.arn
  }

  compute_environment_order {
    order               = 2
    compute_environment = aws_batch_compute_environment.on_demand.arn
  }
}

resource "aws_batch_job_queue" "fargate" {
  name     = "feeds-fargate"
  state    = "ENABLED"
  priority = var.priority

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.fargate.arn
  }
}
