output "alias" {
  description = "What callers use."
  value = {
    arn        = aws_lambda_alias.live.arn
    invoke_arn = aws_lambda_alias.live.invoke_arn
    name       = aws_lambda_alias.live.name
  }
}

output "function" {
  description = "The function's name."
  value       = aws_lambda_function.service.function_name
}

output "policy" {
  description = "What the service may do."
  value       = local.policy
}

output "versions" {
  description = "The newest version, and the one that serves."
  value       = { newest = aws_lambda_function.service.version, live = aws_lambda_alias.live.function_version }
}
