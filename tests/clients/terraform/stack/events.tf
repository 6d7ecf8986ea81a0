# What starts jobs: the clock, and what other jobs do.

resource "aws_cloudwatch_event_rule" "nightly" {
  name                = "feeds-nightly"
  description         = "Load every feed (${var.stage})"
  schedule_expression = "cron(30 1 ? * MON-FRI *)"
}

resource "aws_cloudwatch_event_target" "nightly" {
  rule      = aws_cloudwatch_event_rule.nightly.name
  target_id = "load"
  arn       = aws_batch_job_queue.feeds.arn
  role_arn  = aws_iam_role.events.arn
  input     = jsonencode({ Parameters = { processId = "nightly" } })

  batch_target {
    job_definition = aws_batch_job_definition.loader.name
    job_name       = "nightly"
    job_attempts   = 3
  }

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 10
  }
}

resource "aws_cloudwatch_event_bus" "orders" {
  name = "feeds-orders"
}

resource "aws_cloudwatch_event_rule" "orders" {
  name           = "feeds-paid"
  event_bus_name = aws_cloudwatch_event_bus.orders.name
  state          = "ENABLED"
  event_pattern = jsonencode({
    source = ["shop"]
    detail = { state = ["paid"], total = [{ numeric = [">=", 100] }], note = [{ anything-but = { prefix = "<&>" } }] }
  })
}

resource "aws_cloudwatch_event_target" "orders" {
  rule           = aws_cloudwatch_event_rule.orders.name
  event_bus_name = aws_cloudwatch_event_bus.orders.name
  arn            = aws_cloudwatch_event_api_destination.shop.arn
  role_arn       = aws_iam_role.events.arn

  input_transformer {
    input_paths    = { order = "$.detail.order" }
    input_template = "{\"order\": <order>, \"rule\": \"<aws.events.rule-name>\"}"
  }

  http_target {
    path_parameter_values = ["$.detail.shop"]
    header_parameters     = { X-Stage = var.stage }
  }
}

resource "aws_cloudwatch_event_connection" "shop" {
  name               = "feeds-shop"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "X-Api-Key"
      value = "not-a-secret"
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "shop" {
  name                             = "feeds-shop"
  connection_arn                   = aws_cloudwatch_event_connection.shop.arn
  invocation_endpoint              = "https://shop.example.org/orders/*"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 20
}

resource "aws_cloudwatch_event_archive" "orders" {
  name             = "feeds-orders"
  event_source_arn = aws_cloudwatch_event_bus.orders.arn
  retention_days   = var.retention_in_days
}

resource "aws_cloudwatch_event_permission" "orders" {
  event_bus_name = aws_cloudwatch_event_bus.orders.name
  principal      = "111122223333"
  statement_id   = "shop"
}

resource "aws_iam_role" "events" {
  name = "feeds-events"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
