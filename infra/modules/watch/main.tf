# What wakes somebody up in a region. A state is judged over five minutes, so that one late answer wakes nobody.

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_subscription" "person" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  # What an alarm looks at: namespace, metric, dimensions, statistic; the threshold, and what reaching it means.
  door = {
    "door-late" = {
      of   = ["AWS/ApiGateway", "Latency", { ApiName = "${var.name}-frontend-api" }], statistic = "p99", from = 1000
      says = "One answer in a hundred takes a second or longer"
    }
    "door-fails" = {
      of   = ["AWS/ApiGateway", "5XXError", { ApiName = "${var.name}-frontend-api" }], statistic = "Sum", from = 1
      says = "The public door answers with 5xx"
    }
    "graphql-late" = {
      of   = ["AWS/AppSync", "Latency", { GraphQLAPIId = var.graphql_id }], statistic = "p99", from = 1000
      says = "One GraphQL answer in a hundred takes a second or longer"
    }
    "graphql-fails" = {
      of   = ["AWS/AppSync", "5XXError", { GraphQLAPIId = var.graphql_id }], statistic = "Sum", from = 1
      says = "GraphQL answers with 5xx"
    }
  }

  # Behind the door.
  services = merge([
    for service in var.services : {
      "${service}-late" = {
        of   = ["AWS/ApiGateway", "Latency", { ApiName = "${var.name}-${service}" }], statistic = "p99", from = 1000
        says = "One answer of ${service} in a hundred takes a second or longer"
      }
      "${service}-fails" = {
        of   = ["AWS/ApiGateway", "5XXError", { ApiName = "${var.name}-${service}" }], statistic = "Sum", from = 1
        says = "${service} answers with 5xx"
      }
    } if service != "frontend-api"
  ]...)

  functions = merge([
    for service in var.services : {
      "${service}-errors" = {
        of   = ["AWS/Lambda", "Errors", { FunctionName = "${var.name}-${service}" }], statistic = "Sum", from = 1
        says = "Invocations of ${service} fail"
      }
      "${service}-throttles" = {
        of   = ["AWS/Lambda", "Throttles", { FunctionName = "${var.name}-${service}" }], statistic = "Sum", from = 1
        says = "Invocations of ${service} are refused for want of concurrency"
      }
    }
  ]...)

  queues = merge([
    for consumer, queue in var.parked : {
      "${consumer}-parked" = {
        of   = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", { QueueName = queue }], statistic = "Maximum", from = 1
        says = "Events of ${consumer} are parked: find out why, then redrive"
      }
      "${consumer}-behind" = {
        of   = ["AWS/SQS", "ApproximateAgeOfOldestMessage", { QueueName = trimsuffix(queue, "-dlq") }], statistic = "Maximum", from = 120
        says = "An event waits for ${consumer} for two minutes"
      }
    }
  ]...)

  replication = {
    for pair in setproduct(var.global_tables, var.other_regions) : "${pair[0]}-to-${pair[1]}" => {
      of        = ["AWS/DynamoDB", "ReplicationLatency", { TableName = "${var.name}-${pair[0]}", ReceivingRegion = pair[1] }]
      statistic = "Average"
      from      = 5000
      says      = "Writes to ${pair[0]} reach ${pair[1]} five seconds late: usually it is one"
    }
  }

  alarms = merge(local.door, local.services, local.functions, local.queues, local.replication)
}

resource "aws_cloudwatch_metric_alarm" "each" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.of[0]
  metric_name         = each.value.of[1]
  dimensions          = each.value.of[2]
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.from
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  # Those that the composite alarm sums up wake nobody twice.
  alarm_actions = contains(keys(local.door), each.key) ? [] : [aws_sns_topic.alarms.arn]
  ok_actions    = contains(keys(local.door), each.key) ? [] : [aws_sns_topic.alarms.arn]
}

# Whatever keeps customers from ordering, known to the alarms above or not, is seen in how many orders there are.
resource "aws_cloudwatch_metric_alarm" "orders" {
  alarm_name          = "${var.name}-fewer-orders"
  alarm_description   = "Customers of ${var.region} order less than they usually do at this hour"
  comparison_operator = "LessThanLowerThreshold"
  threshold_metric_id = "usual"
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "breaching"

  metric_query {
    id          = "orders"
    return_data = true

    metric {
      namespace   = "ecommerce.orders"
      metric_name = "orderCreated"
      dimensions  = { environment = var.env, service = "orders" }
      stat        = "Sum"
      period      = 3600
    }
  }

  metric_query {
    id          = "usual"
    label       = "As many as usual"
    expression  = "ANOMALY_DETECTION_BAND(orders, 3)"
    return_data = true
  }

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_composite_alarm" "region" {
  alarm_name        = "${var.name}-region"
  alarm_description = "Customers of ${var.region} are served late or not at all: consider evacuating it (infra/README.md)"
  alarm_rule        = join(" OR ", [for name in keys(local.door) : "ALARM(\"${aws_cloudwatch_metric_alarm.each[name].alarm_name}\")"])
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]
}
