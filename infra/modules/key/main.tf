# The key of everything that a region stores. Each region has its own: nothing is read in one region that another has
# encrypted. A replica of a table or of a secret is encrypted anew where it lies.

locals {
  # AWS services that encrypt on the platform's behalf.
  users = ["logs.${var.region}.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com"]
}

resource "aws_kms_key" "data" {
  description             = "What the ${var.name} platform stores in ${var.region}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode(local.policy)
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.data.key_id
}

locals {
  policy = {
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "AccountDecidesByRoles"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      [for user in local.users : {
        Sid       = "For${title(split(".", user)[0])}"
        Effect    = "Allow"
        Principal = { Service = user }
        Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"]
        Resource  = "*"
        # CloudWatch Logs names the log group instead of the account.
        Condition = startswith(user, "logs.") ? {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${var.region}:${var.account_id}:*" }
          } : {
          ArnLike = { "aws:SourceArn" = "arn:aws:*:${var.region}:${var.account_id}:*" }
        }
      }],
    )
  }
}
