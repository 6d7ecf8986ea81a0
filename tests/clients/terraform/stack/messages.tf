# What tells whom: a topic, and the queue that hears of late feeds. Dead letters go where another team looks after them:
# a queue that depended on one of this stack would cost a minute more, for the provider watches each for half of one.

data "aws_sqs_queue" "dead" {
  name = "feeds-dead"
}

resource "aws_sqs_queue" "late" {
  name                       = "feeds-late"
  visibility_timeout_seconds = 120
  receive_wait_time_seconds  = 20
  delay_seconds              = 5
  policy                     = data.aws_iam_policy_document.late.json

  redrive_policy = jsonencode({
    deadLetterTargetArn = data.aws_sqs_queue.dead.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue" "line" {
  name                        = "feeds-line.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
}

data "aws_iam_policy_document" "late" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = ["arn:aws:sqs:${var.region}:*:feeds-late"]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.feeds.arn]
    }
  }
}

resource "aws_sns_topic" "feeds" {
  name         = "feeds"
  display_name = "Feeds ${var.stage}"
}

resource "aws_sns_topic" "line" {
  name                        = "feeds-line.fifo"
  fifo_topic                  = true
  content_based_deduplication = true
}

resource "aws_sns_topic_subscription" "late" {
  topic_arn            = aws_sns_topic.feeds.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.late.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ status = ["late", { prefix = "very-" }] })
  redrive_policy       = jsonencode({ deadLetterTargetArn = data.aws_sqs_queue.dead.arn })
}

resource "aws_sns_topic_subscription" "line" {
  topic_arn = aws_sns_topic.line.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.line.arn
}
