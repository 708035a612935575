variable "of" {
  description = "The first replicas, by what follows in their names."
  type        = map(string)
}

variable "protected" {
  description = "Whether a replica can be deleted only after its protection is taken off."
  type        = bool
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}
