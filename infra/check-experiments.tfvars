# What infra/check.sh plans with besides. The layers are not there.
experiments = ["flood-americas", "over-and-back"]
experiment_layers = {
  us-east-1      = "arn:aws:lambda:us-east-1:123456789012:layer:extension:1"
  eu-west-1      = "arn:aws:lambda:eu-west-1:123456789012:layer:extension:1"
  ap-southeast-1 = "arn:aws:lambda:ap-southeast-1:123456789012:layer:extension:1"
}
drill_addresses = ["192.0.2.10/32"]
