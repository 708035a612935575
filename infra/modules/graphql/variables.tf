variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "region" {
  description = "Where it runs."
  type        = string
}

variable "account_id" {
  description = "The account, 12 digits."
  type        = string
}

variable "schema" {
  description = "The public API in GraphQL's own language, as the frontend API writes it."
  type        = string
}

variable "access" {
  description = "Fields that anybody may ask for, and those of each group of staff. All others are for whoever has signed in."
  type = object({
    public = list(string)
    staff  = map(list(string))
  })
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

variable "frontend_arn" {
  description = "The frontend API's alias."
  type        = string
}

variable "introspection" {
  description = "Whether the schema can be asked for."
  type        = bool
}

variable "api_key_expires" {
  description = "When the key of anonymous callers ends (RFC 3339), a year ahead at most."
  type        = string
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
}
