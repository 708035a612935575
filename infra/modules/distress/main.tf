# A region's own alarm, told to the regions where experiments run (modules/experiments/stop.tf).

locals {
  rule  = "${var.name}-tells-of-distress"
  buses = { for region in var.told : region => "arn:aws:events:${region}:${var.account_id}:event-bus/default" }
}

resource "aws_cloudwatch_event_rule" "alarm" {
  name        = local.rule
  description = "${var.region} cannot serve its customers"
  event_pattern = jsonencode({
    source        = ["aws.cloudwatch"]
    "detail-type" = ["CloudWatch Alarm State Change"]
    region        = [var.region] # not what others told
    detail        = { alarmName = [var.region_alarm], state = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "bus" {
  for_each = local.buses

  rule      = aws_cloudwatch_event_rule.alarm.name
  target_id = each.key
  arn       = each.value
  role_arn  = aws_iam_role.teller.arn

  # Late news would end an experiment that it is not about.
  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 10
  }
}

resource "aws_iam_role" "teller" {
  name = "${local.rule}-${var.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "teller" {
  name = "tells"
  role = aws_iam_role.teller.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Tells"
      Effect   = "Allow"
      Action   = ["events:PutEvents"]
      Resource = values(local.buses)
    }]
  })
}
