variable "region" {
  description = "The region."
  type        = string
}

variable "global_tables" {
  description = "The first replicas of the global tables, by what follows in their names; none in the region where they lie."
  type        = map(string)
}

variable "pools" {
  description = "The user pools of all continents."
  type = list(object({
    continent = string
    region    = string
    id        = string
    client_id = string
  }))
}

variable "config" {
  description = "The services' configuration, but for what is the region's own and for keys."
  type        = any
}

variable "shared" {
  description = "What all regions have alike: see main.tf of the root."
  type = object({
    env          = string
    name         = string
    account_id   = string
    domain       = string
    zone_id      = string
    certificates = map(string)
    regions      = map(object({ continent = string, journal = bool }))
    protected    = bool
    evacuated    = list(string)
    log_days     = number
    archive_days = number

    services = map(object({
      memory_mb  = number
      tables     = list(string)
      scans      = list(string)
      publishes  = bool
      consumes   = bool
      works      = bool
      calls      = list(string)
      open_paths = list(string)
      world      = list(string)
      hosts      = map(object({ open_paths = list(string) }))
    }))
    subscriptions = list(object({
      consumer = string
      events = list(object({
        source = string
        kinds  = list(string)
        only   = optional(object({ path = list(string), values = list(string) }))
      }))
    }))
    tables = map(object({
      service     = string
      table       = string
      replication = string
      partition   = object({ name = string, type = string })
      sort        = optional(object({ name = string, type = string }))
      indexes = list(object({
        name      = string
        partition = object({ name = string, type = string })
        sort      = object({ name = string, type = string })
        # By the partition key of the table, and so to be read consistently.
        local = optional(bool, false)
      }))
      ttl = optional(string)
    }))
    journal_tables = list(string)
    schema         = string
    access         = object({ public = list(string), staff = map(list(string)) })

    release      = string
    buckets      = map(string)
    architecture = string
    live = map(map(object({
      version    = optional(string)
      next       = optional(string)
      next_share = optional(number, 0)
    })))
    concurrency     = map(number)
    requests_per_s  = number
    api_key_expires = string
    emails          = list(string)

    tags              = map(string)
    drill_addresses   = optional(list(string), [])
    experiments       = map(map(string))
    experiment_layers = map(string)
  })
}
