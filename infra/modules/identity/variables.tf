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
