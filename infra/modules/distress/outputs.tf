output "told" {
  description = "The regions that are told."
  value       = sort(keys(aws_cloudwatch_event_target.bus))
}
