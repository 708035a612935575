# A region's replicas of global tables.

resource "aws_dynamodb_table_replica" "here" {
  for_each = var.of

  global_table_arn            = each.value
  kms_key_arn                 = var.key_arn
  point_in_time_recovery      = true
  deletion_protection_enabled = var.protected

  tags = { replication = "global" }
}
