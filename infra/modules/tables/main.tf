# Tables in one region: those whose rows stay there, or the first replicas of global ones.

resource "aws_dynamodb_table" "here" {
  for_each = var.tables

  name                        = "${var.name}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.partition.name
  range_key                   = try(each.value.sort.name, null)
  deletion_protection_enabled = var.protected

  # Global tables replicate by streams.
  stream_enabled   = var.replicated
  stream_view_type = var.replicated ? "NEW_AND_OLD_IMAGES" : null

  dynamic "attribute" {
    for_each = merge([
      for key in concat(
        [each.value.partition], each.value.sort[*],
        each.value.indexes[*].partition, each.value.indexes[*].sort,
      ) : { (key.name) = key.type }
    ]...)
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = { for index in each.value.indexes : index.name => index if !index.local }
    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.partition.name
      range_key       = global_secondary_index.value.sort.name
      projection_type = "ALL"
    }
  }

  # A local index cannot be changed later: Terraform would make the table anew.
  dynamic "local_secondary_index" {
    for_each = { for index in each.value.indexes : index.name => index if index.local }
    content {
      name            = local_secondary_index.key
      range_key       = local_secondary_index.value.sort.name
      projection_type = "ALL"
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl[*]
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key_arn
  }

  # What replicates can be told from what does not (modules/experiments).
  tags = var.replicated ? { replication = "global" } : {}

  lifecycle {
    # The other replicas are made where they lie, so that a region is added or given up in its own file.
    ignore_changes = [replica]
  }
}
