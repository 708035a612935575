# One service in one region: a function, its versions, and the alias that callers use.

locals {
  function = "${var.name}-${var.service}"
}

resource "aws_lambda_function" "service" {
  #checkov:skip=CKV_AWS_116: nothing that must arrive calls it asynchronously: HTTP waits, a queue keeps, a schedule comes again
  #checkov:skip=CKV_AWS_117: it talks to public AWS endpoints by IAM alone; a VPC would add a gateway that can fail and costs by the hour
  #checkov:skip=CKV_AWS_272: who may write to the bucket of releases decides what runs; signing needs a profile in each region
  function_name = local.function
  description   = "The ${var.service} service"
  role          = aws_iam_role.service.arn

  s3_bucket = var.package.bucket
  s3_key    = var.package.key

  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  memory_size   = var.memory_mb
  timeout       = var.timeout_s

  publish                        = true
  reserved_concurrent_executions = var.concurrency
  kms_key_arn                    = var.key_arn

  # What experiments reach it by (modules/experiments).
  layers = var.extension[*].layer

  environment {
    variables = merge({
      # The package's bootstrap makes of these two what platform::serve reads, then starts the service.
      BIGSMOKES_PARAMETER = var.config_parameter
      BIGSMOKES_KEYS      = var.keys_secret
      }, var.extension == null ? {} : {
      AWS_FIS_CONFIGURATION_LOCATION = "${var.extension.bucket_arn}/${var.extension.folder}"
      # Lambda itself calls no wrapper in a runtime without a language; the package's bootstrap does.
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/aws-fis/bootstrap"
      # A minute is as long as the shortest fault lasts, so it is asked for sooner than by default.
      AWS_FIS_SLOW_POLL_INTERVAL_SECONDS = "10"
    })
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.service.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.service]
}

resource "aws_cloudwatch_log_group" "service" {
  #checkov:skip=CKV_AWS_338: logs are for finding faults; what must be kept lies in tables and in the bus's archive
  name              = "/aws/lambda/${local.function}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

# Blue and green are versions: `version` serves, `next` gets its share of the calls. Going back is giving `version` again.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.service.function_name
  function_version = coalesce(var.live.version, aws_lambda_function.service.version)

  dynamic "routing_config" {
    for_each = var.live.next[*]
    content {
      additional_version_weights = { (routing_config.value) = var.live.next_share }
    }
  }
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = toset(var.consumes ? ["events"] : [])

  event_source_arn        = var.queue_arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = max(2, floor(var.concurrency / 2))
  }
}

# What a service does by itself is done once a minute: no rule of EventBridge comes more often.
resource "aws_cloudwatch_event_rule" "minute" {
  for_each = toset(var.works ? ["minute"] : [])

  name                = "${local.function}-minute"
  description         = "The ${var.service} service's own work"
  schedule_expression = "rate(1 minute)"
}

resource "aws_cloudwatch_event_target" "minute" {
  for_each = aws_cloudwatch_event_rule.minute

  rule = each.value.name
  arn  = aws_lambda_alias.live.arn

  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 1
  }
}

resource "aws_lambda_permission" "minute" {
  for_each = aws_cloudwatch_event_rule.minute

  statement_id  = "EveryMinute"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.service.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
}
