# The configuration of the services, as platform::config reads it, but for `region` and `secrets`.

locals {
  continents = toset(values(local.regions)[*].continent)

  config = {
    env = var.env
    regions = [
      for name, region in local.regions : { name = name, continent = region.continent, url = "https://{service}.${name}.${var.domain}" }
    ]
    continents = [
      for continent in local.continents : {
        id             = continent
        journal_region = one([for name, region in local.regions : name if region.continent == continent && region.journal])
        successors     = var.successors[continent]
      }
    ]
    shards     = var.shards
    warehouses = var.warehouses
    pools = [
      for pool in local.pools : {
        issuer    = "https://cognito-idp.${pool.region}.amazonaws.com/${pool.id}"
        client_id = pool.client_id
        continent = pool.continent
        jwks      = jsondecode(lookup(var.pool_keys, pool.continent, "{\"keys\":[]}"))
      }
    ]
    durability    = "journal"
    sign_by       = "role"
    provider_url  = var.provider_url
    carrier_url   = var.carrier_url
    age_check_url = var.age_check_url
    otlp_url      = var.otlp_url
    metrics       = true
    # Functions hear no streams: they ask when they need to know. A function may have to start before it answers.
    heard            = "asked"
    heartbeat_ms     = 250
    suspect_after_ms = 1500
  }
}
