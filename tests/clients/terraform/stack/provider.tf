terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

# Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Nothing is skipped: the provider asks who it is and finds
# the account, as it does with AWS.
provider "aws" {
  region = var.region

  endpoints {
    batch          = var.endpoint
    ec2            = var.endpoint
    ecr            = var.endpoint
    events         = var.endpoint
    iam            = var.endpoint
    logs           = var.endpoint
    secretsmanager = var.endpoint
    sns            = var.endpoint
    sqs            = var.endpoint
    ssm            = var.endpoint
    sts            = var.endpoint
  }

  default_tags {
    tags = {
      project = "feeds"
    }
  }
}
