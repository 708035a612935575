output "ids" {
  description = "The experiment templates by scenario: what `aws fis start-experiment` is given."
  value       = { for scenario, stack in aws_cloudformation_stack.experiment : scenario => stack.outputs["Id"] }
}

output "extension" {
  description = "FIS's extension, which each function needs: its layer, and where it hears of faults."
  value = {
    layer      = var.layer == null ? nonsensitive(data.aws_ssm_parameter.extension[0].value) : var.layer
    bucket_arn = local.bucket_arn
    folder     = "configuration/"
  }
  depends_on = [aws_s3_bucket_server_side_encryption_configuration.experiments]
}

output "policy" {
  description = "What FIS may do."
  value       = local.policy
}
