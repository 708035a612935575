# All regions, planned against a provider that is not there: what each service may do, held against what it owns; which
# tables lie where; and what the services are told of the world.

mock_provider "aws" {
  alias = "us_east_1"
}
mock_provider "aws" {
  alias = "eu_west_1"
}
mock_provider "aws" {
  alias = "ap_southeast_1"
}

run "all_regions" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for service, policy in output.policies["eu-west-1"] : [
        for statement in policy.Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "A role allows a whole family of actions."
  }

  # Tables, their indexes, and the region and account that they lie in. The inbox and the leases are shared by contract, and orders hosts what keeps the regions.
  assert {
    condition = alltrue(flatten([
      for region, policies in output.policies : [
        for service, policy in policies : [
          for statement in policy.Statement : [
            for arn in statement.Resource : can(regex(
              "^arn:aws:dynamodb:${region}:123456789012:table/ecommerce-staging-(${service}(-[a-z-]+)?|platform-(inbox|leases|regions))(/index/\\*)?$",
              arn,
            )) if startswith(arn, "arn:aws:dynamodb:")
          ] if contains(["OwnTables", "OwnIndexes", "ReadsWhole"], statement.Sid)
        ]
      ]
    ]))
    error_message = "A role reaches a table that is not its service's own."
  }

  assert {
    condition = alltrue([
      for service, policy in output.policies["eu-west-1"] : contains(["products", "orders"], service) == anytrue([
        for statement in policy.Statement : contains(statement.Action, "dynamodb:Scan")
      ])
    ])
    error_message = "Only products and orders read tables as a whole."
  }

  assert {
    condition = alltrue([
      for service, policy in output.policies["ap-southeast-1"] : alltrue([
        for statement in policy.Statement : toset(try(statement.Condition.StringEquals["events:source"], [])) == toset(concat(
          ["ecommerce.${service}"], [for hosted in keys(local.services[service].hosts) : "ecommerce.${hosted}"],
        )) if contains(statement.Action, "events:PutEvents")
      ])
    ])
    error_message = "A service publishes in another one's name."
  }

  assert {
    condition = toset(keys(output.policies["us-east-1"])) == toset([
      "users", "products", "orders", "warehouse", "delivery", "payment", "frontend-api",
    ])
    error_message = "A service has no role."
  }

  # The door owns no table and publishes nothing.
  assert {
    condition = alltrue([
      for statement in output.policies["us-east-1"]["frontend-api"].Statement :
      !contains(["OwnTables", "OwnIndexes", "ReadsWhole", "OwnEvents", "OwnQueue"], statement.Sid)
    ])
    error_message = "The frontend API may touch a table, the bus or a queue."
  }

  # Nobody but orders moves money or reserves goods.
  assert {
    condition = alltrue(flatten([
      for service, policy in output.policies["us-east-1"] : [
        for statement in policy.Statement : [
          for arn in statement.Resource : service == "orders" || !can(regex(":\\*/(payment|warehouse/POST/backend/reservations)", arn))
        ] if statement.Sid == "Calls"
      ]
    ]))
    error_message = "A service other than orders may call payment, or reserve goods."
  }

  assert {
    condition     = length(distinct([for region, tables in output.tables : tables])) == 1
    error_message = "Journal regions have different tables."
  }

  # As platform::config::Config has them, but for `region` and `secrets`, which each function adds.
  assert {
    condition = toset(keys(local.config)) == toset([
      "env", "regions", "continents", "shards", "warehouses", "pools", "durability", "sign_by", "provider_url", "carrier_url",
      "age_check_url", "otlp_url", "metrics", "heard", "heartbeat_ms", "suspect_after_ms",
    ])
    error_message = "The services' configuration has other fields than they read."
  }

  assert {
    condition = alltrue([
      for continent in local.config.continents : continent.successors[0] == continent.journal_region
    ])
    error_message = "A continent's first owner is not where its copy of the journal lies."
  }

  assert {
    condition     = length(keys(module.global_tables.arns)) + 5 == length(output.tables["eu-west-1"])
    error_message = "Five tables stay in their region: the journal, its tokens and leases, the inbox, the regions."
  }

  # As simulator/src/target reads it.
  assert {
    condition = (
      toset(keys(output.target)) == toset(["name", "env", "regions", "pools", "provider", "accounts", "experiments"])
      && [for region in output.target.regions : keys(region)] == [for region in output.target.regions : ["continent", "graphql", "name"]]
      && [for pool in output.target.pools : keys(pool)] == [for pool in output.target.pools : ["client_id", "continent", "endpoint"]]
    )
    error_message = "The target has other fields than the simulator reads."
  }

  assert {
    condition = (
      output.target.env == "staging"
      && toset(output.target.regions[*].graphql) == toset([for region in keys(local.regions) : "https://frontend-api.${region}.shop.example/graphql"])
      && toset(output.target.pools[*].continent) == toset(["am", "eu", "ap"])
      && output.target.experiments == {}
    )
    error_message = "The target is found elsewhere than it is."
  }

  assert {
    condition     = alltrue([for region, ids in output.experiments : length(ids) == 0])
    error_message = "There are experiments, and nobody asked for any."
  }
}

run "experiments_where_their_faults_are" {
  command = plan

  variables {
    experiments       = ["flood-americas", "over-and-back"]
    experiment_layers = { us-east-1 = "arn:aws:lambda:us-east-1:123456789012:layer:extension:1" }
  }

  assert {
    condition = {
      for region, ids in output.experiments : region => keys(ids)
    } == { us-east-1 = ["flood-americas", "over-and-back"], eu-west-1 = [], ap-southeast-1 = [] }
    error_message = "Experiments run elsewhere than their faults are."
  }

  assert {
    condition = {
      for scenario, regions in output.target.experiments : scenario => keys(regions)
    } == { "flood-americas" = ["us-east-1"], "over-and-back" = ["us-east-1"] }
    error_message = "The target does not name the experiments."
  }

  # Functions hear of faults where there are some, and nowhere else.
  assert {
    condition = alltrue(flatten([
      for region, policies in output.policies : [
        for service, policy in policies : (region == "us-east-1") == contains(policy.Statement[*].Sid, "HearsOfFaults")
      ]
    ]))
    error_message = "A function hears of faults where no experiment runs, or does not where one does."
  }

  assert {
    condition     = module.us_east_1.told == [] && module.eu_west_1.told == ["us-east-1"] && module.ap_southeast_1.told == ["us-east-1"]
    error_message = "An experiment would not end when other regions are in distress."
  }
}

run "misspelt_experiment_is_refused" {
  command = plan

  variables {
    experiments = ["flood-amricas"]
  }

  expect_failures = [var.experiments]
}
