variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "env" {
  description = "The environment, as a dimension of the services' own metrics."
  type        = string
}

variable "region" {
  description = "What is watched."
  type        = string
}

variable "other_regions" {
  description = "Where its writes are replicated to."
  type        = list(string)
}

variable "services" {
  description = "The services that run here."
  type        = list(string)
}

variable "global_tables" {
  description = "Global tables, by what follows in their names."
  type        = list(string)
}

variable "parked" {
  description = "The names of the dead-letter queues by consumer."
  type        = map(string)
}

variable "graphql_id" {
  description = "The GraphQL API's id."
  type        = string
}

variable "emails" {
  description = "Who is woken up."
  type        = list(string)
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}
