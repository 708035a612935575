# What a service may do: its own tables, its own events, its own queue, its own keys, the calls that it makes. The
# policies are built here and not by a data source, so that tests can read them.

locals {
  table_arns = { for table in var.tables : table => "arn:aws:dynamodb:${var.region}:${var.account_id}:table/${var.name}-${table}" }

  statements = concat(
    [
      {
        Sid      = "OwnTables"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem", "dynamodb:Query"]
        Resource = values(local.table_arns)
      },
      {
        Sid      = "OwnIndexes"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = [for arn in values(local.table_arns) : "${arn}/index/*"]
      },
      {
        Sid      = "ReadsWhole"
        Effect   = "Allow"
        Action   = ["dynamodb:Scan"]
        Resource = [for table in var.scans : local.table_arns[table]]
      },
      {
        Sid       = "OwnEvents"
        Effect    = "Allow"
        Action    = ["events:PutEvents"]
        Resource  = length(var.publishes) > 0 ? [var.bus_arn] : []
        Condition = { StringEquals = { "events:source" = [for name in var.publishes : "ecommerce.${name}"] } }
      },
      {
        Sid    = "OwnQueue"
        Effect = "Allow"
        Action = [
          "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
        ]
        Resource = var.consumes ? [var.queue_arn] : []
      },
      {
        Sid    = "Calls"
        Effect = "Allow"
        Action = ["execute-api:Invoke"]
        # In every region, whatever the API's id is there: a service's stage bears its name.
        Resource = [for call in var.calls : "arn:aws:execute-api:*:${var.account_id}:*/${call}"]
      },
      {
        Sid    = "OwnConfiguration"
        Effect = "Allow"
        Action = ["ssm:GetParameter"]
        Resource = [
          "arn:aws:ssm:${var.region}:${var.account_id}:parameter${var.config_parameter}",
        ]
      },
      {
        Sid    = "OwnKeys"
        Effect = "Allow"
        Action = ["secretsmanager:GetSecretValue"]
        # Six characters of AWS's own follow the name.
        Resource = ["arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:${var.keys_secret}-??????"]
      },
      {
        Sid      = "Decrypts"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:DescribeKey"]
        Resource = [var.key_arn]
        Condition = {
          StringEquals = {
            "kms:ViaService" = [for user in concat(["dynamodb", "lambda", "secretsmanager", "sqs"], var.extension == null ? [] : ["s3"]) : "${user}.${var.region}.amazonaws.com"]
          }
        }
      },
      {
        Sid      = "OwnLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws:logs:${var.region}:${var.account_id}:log-group:/aws/lambda/${local.function}:*"]
      },
      {
        Sid      = "HearsOfFaults"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for extension in var.extension[*] : "${extension.bucket_arn}/${extension.folder}*"]
      },
      {
        Sid       = "ListsFaults"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = var.extension[*].bucket_arn
        Condition = { StringLike = { "s3:prefix" = ["${try(var.extension.folder, "")}*"] } }
      },
      {
        Sid      = "Traces"
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = ["*"]
      },
    ],
  )

  policy = {
    Version   = "2012-10-17"
    Statement = [for statement in local.statements : statement if length(statement.Resource) > 0]
  }
}

resource "aws_iam_role" "service" {
  name = "${local.function}-${var.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "service" {
  name   = "own"
  role   = aws_iam_role.service.id
  policy = jsonencode(local.policy)
}
