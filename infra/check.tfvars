# What infra/check.sh plans with. Nothing here exists.
offline    = true
env        = "staging"
account_id = "123456789012"
domain     = "shop.example"
zone_id    = "Z0000000000000000000"

certificates = {
  us-east-1      = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000001"
  eu-west-1      = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000002"
  ap-southeast-1 = "arn:aws:acm:ap-southeast-1:123456789012:certificate/00000000-0000-0000-0000-000000000003"
}
buckets = {
  us-east-1      = "releases-us-east-1.shop.example"
  eu-west-1      = "releases-eu-west-1.shop.example"
  ap-southeast-1 = "releases-ap-southeast-1.shop.example"
}

release         = "0000000"
api_key_expires = "2027-06-01T00:00:00Z"
emails          = ["watch@shop.example"]

provider_url  = "https://payment.example"
carrier_url   = "https://carrier.example"
age_check_url = "https://age.example/check"
