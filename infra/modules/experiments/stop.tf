# What ends an experiment early. The region's own alarm does not: customers whom it can no longer serve are what a drill is
# about. That another region's alarm goes off does. FIS takes alarms of the experiment's own region only, so the others send
# theirs here (modules/distress), where they become a metric.

resource "aws_cloudwatch_event_rule" "others" {
  name        = local.alarm_name
  description = "Another region cannot serve its customers"
  event_pattern = jsonencode({
    source        = ["aws.cloudwatch"]
    "detail-type" = ["CloudWatch Alarm State Change"]
    region        = var.other_regions
    detail        = { alarmName = [var.region_alarm], state = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "log" {
  rule = aws_cloudwatch_event_rule.others.name
  arn  = aws_cloudwatch_log_group.others.arn
}

resource "aws_cloudwatch_log_group" "others" {
  #checkov:skip=CKV_AWS_338: as for the services' logs
  name              = "/aws/events/${local.alarm_name}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = local.alarm_name
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "delivery.logs.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.others.arn}:*"
    }]
  })
}

resource "aws_cloudwatch_log_metric_filter" "others" {
  name           = local.alarm_name
  log_group_name = aws_cloudwatch_log_group.others.name
  pattern        = "{ $.detail.state.value = \"ALARM\" }"

  metric_transformation {
    namespace = "ecommerce.experiments"
    name      = local.alarm_name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "others" {
  alarm_name          = local.alarm_name
  alarm_description   = "Another region's customers are served late or not at all: an experiment in ${var.region} ends"
  namespace           = "ecommerce.experiments"
  metric_name         = local.alarm_name
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}
