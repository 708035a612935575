output "arns" {
  description = "The tables by what follows in their names."
  value       = { for key, table in aws_dynamodb_table.here : key => table.arn }
}
