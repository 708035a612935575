# The emulator does not know in whose name an event is published (events:source), and refuses what is allowed on that condition.
resource "aws_iam_role_policy" "service" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in local.policy.Statement : {
        for name, value in statement : name => value if !(statement.Sid == "OwnEvents" && name == "Condition")
      }
    ]
  })
}
