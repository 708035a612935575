variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "continent" {
  description = "Whose customers it is for: am, eu, ap."
  type        = string
}

variable "protected" {
  description = "Whether the pool can be deleted only after its protection is taken off."
  type        = bool
}

variable "takes_passwords" {
  description = "Whether people may sign in by sending their password, as drills do. Otherwise only by SRP."
  type        = bool
  default     = false
}

variable "on_confirmed" {
  description = "The alias of the function that is told of each user who has confirmed."
  type        = object({ function = string, alias = string, arn = string })
}
