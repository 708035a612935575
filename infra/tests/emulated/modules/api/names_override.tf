# Nobody on this machine asks for names, and Terraform waits half a minute for each record.
resource "aws_route53_record" "own" {
  count = 0
}
