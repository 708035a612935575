# Every path below a field, parents before children, `/` at the end of those that have some: AppSync tells its resolvers
# which paths are wanted, not how they nest. Terraform has no recursion, so each step looks one level further down.

locals {
  types = {
    for found in regexall("(?s)type (\\w+) \\{(.*?)\\n\\}", local.plain) : found[0] => {
      for field in regexall("(?m)^\\s*(\\w+)(?:\\(.*\\))?: (\\S+)$", found[1]) : field[0] => replace(field[1], "/[!\\[\\]]/", "")
    }
  }

  # Types without fields of their own are scalars.
  below_0 = { for type, fields in local.types : type => [for name, of in fields : name if !contains(keys(local.types), of)] }
  below_1 = { for type, fields in local.types : type => flatten([
    for name, of in fields : try(concat(["${name}/"], [for path in local.below_0[of] : "${name}/${path}"]), [name])
  ]) }
  below_2 = { for type, fields in local.types : type => flatten([
    for name, of in fields : try(concat(["${name}/"], [for path in local.below_1[of] : "${name}/${path}"]), [name])
  ]) }
  below_3 = { for type, fields in local.types : type => flatten([
    for name, of in fields : try(concat(["${name}/"], [for path in local.below_2[of] : "${name}/${path}"]), [name])
  ]) }
  below_4 = { for type, fields in local.types : type => flatten([
    for name, of in fields : try(concat(["${name}/"], [for path in local.below_3[of] : "${name}/${path}"]), [name])
  ]) }

  # What a caller can want of each field of Query and Mutation.
  gives   = { for field in concat(local.fields.Query, local.fields.Mutation) : field[0] => replace(field[2], "/[!\\[\\]]/", "") }
  below   = { for field, type in local.gives : field => local.below_4[type] }
  too_low = [for field, type in local.gives : field if local.below_4[type] != local.below_3[type]]
}
