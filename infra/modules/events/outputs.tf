output "bus" {
  description = "The bus."
  value       = { name = aws_cloudwatch_event_bus.platform.name, arn = aws_cloudwatch_event_bus.platform.arn }
}

output "queues" {
  description = "The queues by consumer."
  value       = { for consumer, queue in aws_sqs_queue.events : consumer => queue.arn }
}

output "parked" {
  description = "The names of the dead-letter queues by consumer."
  value       = { for consumer, queue in aws_sqs_queue.parked : consumer => queue.name }
}
