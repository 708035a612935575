# FIS writes here what is to go wrong, and the extension in each function reads it. FIS's reports lie beside.

locals {
  bucket     = "${var.name}-experiments-${var.account_id}-${var.region}"
  bucket_arn = "arn:aws:s3:::${local.bucket}"
}

resource "aws_s3_bucket" "experiments" {
  #checkov:skip=CKV_AWS_18: who starts an experiment stands in CloudTrail; what is here is FIS's own
  #checkov:skip=CKV_AWS_144: a report tells of one region, and FIS wants the bucket there
  #checkov:skip=CKV2_AWS_62: nobody waits for what lies here
  bucket = local.bucket
}

resource "aws_s3_bucket_public_access_block" "experiments" {
  bucket = aws_s3_bucket.experiments.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "experiments" {
  bucket = aws_s3_bucket.experiments.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.key_arn
    }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_versioning" "experiments" {
  bucket = aws_s3_bucket.experiments.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "experiments" {
  bucket = aws_s3_bucket.experiments.id

  # An experiment lasts twelve hours at most.
  rule {
    id     = "faults"
    status = "Enabled"
    filter {
      prefix = "configuration/"
    }
    expiration {
      days = 1
    }
  }

  rule {
    id     = "leftovers"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.experiments]
}

resource "aws_s3_bucket_policy" "experiments" {
  bucket = aws_s3_bucket.experiments.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EncryptedOnTheWay"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.experiments]
}
