resource "aws_ecr_repository" "feed" {
  name                 = "feeds/loader"
  image_tag_mutability = "MUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  tags = {
    stage = var.stage
  }
}

resource "aws_ecr_lifecycle_policy" "feed" {
  repository = aws_ecr_repository.feed.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "keep the last images"
      selection = {
        tagStatus   = "any"
        countType   = "imageCountMoreThan"
        countNumber = 10
      }
      action = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_policy" "feed" {
  repository = aws_ecr_repository.feed.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "pull"
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.current.account_id }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_cloudwatch_log_group" "job" {
  name              = "/feeds/jobs"
  retention_in_days = var.retention_in_days

  tags = {
    stage = var.stage
  }
}

resource "aws_cloudwatch_log_group" "kept" {
  name = "/feeds/kept"
}

resource "aws_cloudwatch_log_stream" "audit" {
  name           = "audit"
  log_group_name = aws_cloudwatch_log_group.kept.name
}
