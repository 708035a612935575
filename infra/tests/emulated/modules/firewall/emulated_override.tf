# The emulator keeps no logs of a web ACL.
resource "aws_wafv2_web_acl_logging_configuration" "door" {
  count = 0
}
