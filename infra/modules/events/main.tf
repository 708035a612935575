# A region's bus, its archive, and a queue with a dead-letter queue for each consumer.

resource "aws_cloudwatch_event_bus" "platform" {
  name = var.name
}

resource "aws_cloudwatch_event_archive" "everything" {
  name             = var.name
  event_source_arn = aws_cloudwatch_event_bus.platform.arn
  retention_days   = var.archive_days
}

locals {
  # Each source with its own detail types: with one flat pattern, each would get the others' too.
  patterns = {
    for subscription in var.subscriptions : subscription.consumer => {
      "$or" = [
        for interest in subscription.events : merge(
          { source = [interest.source], "detail-type" = interest.kinds },
          interest.only == null ? {} : {
            # The names that lead to the field, one in the other.
            detail = jsondecode(join("", concat(
              [for name in interest.only.path : "{${jsonencode(name)}:"],
              [jsonencode(interest.only.values)],
              [for name in interest.only.path : "}"],
            )))
          },
        )
      ]
    }
  }
}

resource "aws_cloudwatch_event_rule" "consumer" {
  for_each = local.patterns

  name           = "${var.name}-${each.key}"
  description    = "What ${each.key} listens to"
  event_bus_name = aws_cloudwatch_event_bus.platform.name
  event_pattern  = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.patterns

  rule           = aws_cloudwatch_event_rule.consumer[each.key].name
  event_bus_name = aws_cloudwatch_event_bus.platform.name
  arn            = aws_sqs_queue.events[each.key].arn

  # What a queue does not take for a day is parked too.
  dead_letter_config {
    arn = aws_sqs_queue.parked[each.key].arn
  }
  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

resource "aws_sqs_queue" "events" {
  for_each = local.patterns

  name                       = "${var.name}-${each.key}-events"
  kms_master_key_id          = var.key_arn
  visibility_timeout_seconds = var.visibility_s
  message_retention_seconds  = 4 * 24 * 3600
  receive_wait_time_seconds  = 20
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.parked[each.key].arn
    maxReceiveCount     = var.tries
  })
}

resource "aws_sqs_queue" "parked" {
  for_each = local.patterns

  name                      = "${var.name}-${each.key}-events-dlq"
  kms_master_key_id         = var.key_arn
  message_retention_seconds = 14 * 24 * 3600
}

resource "aws_sqs_queue_redrive_allow_policy" "parked" {
  for_each = local.patterns

  queue_url = aws_sqs_queue.parked[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events[each.key].arn]
  })
}

resource "aws_sqs_queue_policy" "events" {
  for_each = local.patterns

  queue_url = aws_sqs_queue.events[each.key].id
  policy    = jsonencode(local.queue_policies.events[each.key])
}

resource "aws_sqs_queue_policy" "parked" {
  for_each = local.patterns

  queue_url = aws_sqs_queue.parked[each.key].id
  policy    = jsonencode(local.queue_policies.parked[each.key])
}

locals {
  # Only the consumer's own rule may send, and only over TLS does anybody come in.
  queue_policies = {
    for kind, queues in { events = aws_sqs_queue.events, parked = aws_sqs_queue.parked } : kind => {
      for consumer, queue in queues : consumer => {
        Version = "2012-10-17"
        Statement = [
          {
            Sid       = "OnlyItsRuleSends"
            Effect    = "Allow"
            Principal = { Service = "events.amazonaws.com" }
            Action    = "sqs:SendMessage"
            Resource  = queue.arn
            Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.consumer[consumer].arn } }
          },
          {
            Sid       = "OnlyOverTls"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sqs:*"
            Resource  = queue.arn
            Condition = { Bool = { "aws:SecureTransport" = "false" } }
          },
        ]
      }
    }
  }
}
