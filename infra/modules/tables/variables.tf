variable "name" {
  description = "Begins each table's name: ecommerce-{env}."
  type        = string
}

variable "tables" {
  description = "Tables by what follows in their names: {service}[-{table}]."
  type = map(object({
    partition = object({ name = string, type = string })
    sort      = optional(object({ name = string, type = string }))
    indexes = list(object({
      name      = string
      partition = object({ name = string, type = string })
      sort      = object({ name = string, type = string })
      # By the partition key of the table, and so to be read consistently.
      local = optional(bool, false)
    }))
    ttl = optional(string)
  }))
}

variable "protected" {
  description = "Whether a table can be deleted only after its protection is taken off."
  type        = bool
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}

variable "replicated" {
  description = "Whether other regions have replicas of them."
  type        = bool
}
