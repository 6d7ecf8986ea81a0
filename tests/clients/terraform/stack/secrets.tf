# What jobs must not have in their definitions: read when a container starts.

resource "aws_secretsmanager_secret" "database" {
  name                    = "feeds/database"
  description             = "How loaders reach the database (${var.stage})."
  recovery_window_in_days = 0

  tags = {
    stage = var.stage
  }
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({ user = "loader", password = "correct-horse" }) # another one is another version
}

resource "aws_secretsmanager_secret_policy" "database" {
  secret_arn = aws_secretsmanager_secret.database.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.job.arn }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
    }]
  })
}

resource "aws_ssm_parameter" "endpoint" {
  name        = "/feeds/endpoint"
  description = "Where the feed comes from."
  type        = "String"
  value       = "https://${var.stage}.feed.example"

  tags = {
    stage = var.stage
  }
}

resource "aws_ssm_parameter" "hosts" {
  name            = "/feeds/hosts"
  type            = "StringList"
  value           = "one.example,two.example"
  allowed_pattern = "^[a-z.,]+$"
}

resource "aws_ssm_parameter" "token" {
  name  = "/feeds/token"
  type  = "SecureString"
  value = "token of ${var.stage}"
}

data "aws_ssm_parameters_by_path" "all" {
  path       = "/feeds"
  depends_on = [aws_ssm_parameter.endpoint, aws_ssm_parameter.hosts, aws_ssm_parameter.token]
}
