output "alarms" {
  description = "The alarms by name."
  value       = local.alarms
}

output "composite_arn" {
  description = "The alarm of the region as a whole."
  value       = aws_cloudwatch_composite_alarm.region.arn
}

output "composite_name" {
  description = "Its name, which is the same in every region."
  value       = aws_cloudwatch_composite_alarm.region.alarm_name
}

output "dashboard" {
  description = "The name of the dashboard of the region as a whole."
  value       = aws_cloudwatch_dashboard.board["region"].dashboard_name
}

output "dashboards" {
  description = "The dashboards as JSON, by name."
  value       = { for board in aws_cloudwatch_dashboard.board : board.dashboard_name => board.dashboard_body }
}
