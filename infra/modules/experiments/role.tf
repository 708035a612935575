# What FIS may do: find what bears the platform's tags, tell its functions of faults, pause its tables, write its reports
# (FIS user guide: "Use the aws:lambda:function actions", "Actions reference", "Experiment report configurations").

locals {
  policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindsTargets"
        Effect   = "Allow"
        Action   = ["tag:GetResources"]
        Resource = ["*"] # there is nothing to narrow it by
      },
      {
        Sid      = "ReadsFunctions"
        Effect   = "Allow"
        Action   = ["lambda:GetFunction"]
        Resource = ["arn:aws:lambda:${var.region}:${var.account_id}:function:${var.name}-*"]
      },
      {
        Sid      = "TellsFunctions"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject"]
        Resource = ["${local.bucket_arn}/configuration/*"]
      },
      {
        Sid    = "PausesReplication"
        Effect = "Allow"
        Action = [
          "dynamodb:DescribeTable", "dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy",
        ]
        # Tables and their streams.
        Resource = ["arn:aws:dynamodb:${var.region}:${var.account_id}:table/${var.name}-*"]
      },
      {
        Sid      = "WritesReports"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:GetObject"]
        Resource = ["${local.bucket_arn}/reports/*"]
      },
      {
        Sid      = "ReadsDashboard"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetDashboard"]
        Resource = ["arn:aws:cloudwatch::${var.account_id}:dashboard/${var.dashboard}"]
      },
      {
        Sid      = "DrawsGraphs"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetMetricWidgetImage"]
        Resource = ["*"] # there is nothing to narrow it by
      },
      {
        Sid       = "Encrypts"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [var.key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      },
    ]
  }
}

resource "aws_iam_role" "fis" {
  name = local.role_name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "fis.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:aws:fis:${var.region}:${var.account_id}:experiment/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "fis" {
  name   = "experiments"
  role   = aws_iam_role.fis.id
  policy = jsonencode(local.policy)
}
