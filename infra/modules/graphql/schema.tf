# AppSync's schema, made of the one that the frontend API serves: without comments, with AppSync's own words for who may
# ask for what. A field that `access` does not name is for whoever has signed in.

locals {
  plain = replace(replace(replace(replace(
    replace(var.schema, "/\\s*\"\"\"[^\"]*\"\"\"/", ""),
    "/(?m)^directive .*$/", ""),
    "/(?s)type Subscription \\{.*?\\n\\}/", ""),
    "/\\n\\s*subscription: Subscription/", ""),
  "/\\n\\s*\\n/", "\n")

  # [name, arguments, type] of each field.
  fields = {
    for root in ["Query", "Mutation"] : root => regexall(
      "(?m)^\\s*(\\w+)(?:\\((.*)\\))?: (\\S+)$",
      regex("(?s)type ${root} \\{(.*?)\\n\\}", local.plain)[0],
    )
  }

  # What each field is asked with.
  questions = merge([
    for root, fields in local.fields : {
      for field in fields : "${root}.${field[0]}" => {
        root     = root
        name     = field[0]
        declared = [for it in regexall("(\\w+): ([^,\\s]+)", coalesce(field[1], " ")) : format("$%s: %s", it[0], it[1])]
        passed   = [for it in regexall("(\\w+): ([^,\\s]+)", coalesce(field[1], " ")) : format("%s: $%s", it[0], it[0])]
      }
    }
  ]...)

  staff = merge([for group, fields in var.access.staff : { for field in fields : field => group }]...)

  unknown = setsubtract(concat(var.access.public, keys(local.staff)), values(local.questions)[*].name)

  # Administrators may do what any staff may.
  who = {
    for field in concat(local.fields.Query[*][0], local.fields.Mutation[*][0]) : field => (
      contains(var.access.public, field) ? "@aws_api_key @aws_cognito_user_pools" :
      contains(keys(local.staff), field) ?
      "@aws_cognito_user_pools(cognito_groups: ${jsonencode(distinct(["admin", local.staff[field]]))})" :
      "@aws_cognito_user_pools"
    )
  }

  roots = {
    for root, fields in local.fields : root => join("\n", concat(
      ["type ${root} {"],
      [for field in fields : "\t${field[0]}${field[1] == null ? "" : "(${field[1]})"}: ${field[2]} ${local.who[field[0]]}"],
      ["}"],
    ))
  }

  rest = replace(
    replace(local.plain, "/(?s)type (Query|Mutation) \\{.*?\\n\\}/", ""),
    "/(?m)^type (\\w+) \\{/", "type $1 @aws_api_key @aws_cognito_user_pools {",
  )

  annotated = trimspace(join("\n", [local.roots.Query, local.roots.Mutation, local.rest]))
}
