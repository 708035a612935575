resource "aws_iam_role" "door" {
  name               = "${var.name}-appsync-${var.region}"
  assume_role_policy = jsonencode(local.trust)
}

resource "aws_iam_role_policy" "door" {
  name = "frontend-api"
  role = aws_iam_role.door.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [var.frontend_arn]
    }]
  })
}

# AppSync names it after the API's id.
resource "aws_cloudwatch_log_group" "door" {
  #checkov:skip=CKV_AWS_338: as for the services' logs
  name              = "/aws/appsync/apis/${aws_appsync_graphql_api.door.id}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

resource "aws_iam_role" "logs" {
  name               = "${var.name}-appsync-logs-${var.region}"
  assume_role_policy = jsonencode(local.trust)
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["arn:aws:logs:${var.region}:${var.account_id}:log-group:${aws_cloudwatch_log_group.door.name}:*"]
    }]
  })
}

locals {
  trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "appsync.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  }
}
