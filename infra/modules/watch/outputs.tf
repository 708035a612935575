output "alarms" {
  description = "The alarms by name."
  value       = local.alarms
}

output "composite_arn" {
  description = "The alarm of the region as a whole."
  value       = aws_cloudwatch_composite_alarm.region.arn
}
