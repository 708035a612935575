output "pool" {
  description = "The pool, and the client that tokens are made for."
  value = {
    id        = aws_cognito_user_pool.continent.id
    arn       = aws_cognito_user_pool.continent.arn
    client_id = aws_cognito_user_pool_client.shop.id
  }
}
