# What each service is, and all that it may do. Routes and tables are declared in services/*/src/{api,store}.rs. What a
# service hosts has an API of its own, and neither function nor role.

locals {
  services = {
    users = {
      memory_mb = 512
      tables    = ["users-profiles", "users-carts"]
      scans     = []
      publishes = true
      consumes  = false
      works     = true
      calls     = ["users/POST/backend/age-verifications"]
      # The age checker signs its verdicts by a key of its own.
      open_paths = ["/backend/age-verifications/callback"]
      world      = []
      hosts      = {}
    }
    products = {
      memory_mb  = 512
      tables     = ["products", "products-baskets", "products-wishes", "products-notices", "platform-inbox"]
      scans      = ["products"]
      publishes  = true
      consumes   = true
      works      = true
      calls      = []
      open_paths = []
      world      = ["products"]
      hosts      = {}
    }
    orders = {
      memory_mb = 1024
      tables = [
        "orders", "orders-journal", "orders-tokens", "orders-lost-warehouses", "platform-leases", "platform-inbox",
        "platform-regions",
      ]
      # A copy that lost its data reads all of its peers; lost warehouses are few.
      scans     = ["orders-tokens", "platform-leases", "orders-lost-warehouses"]
      publishes = true
      consumes  = true
      works     = true
      calls = [
        "products/POST/backend/validate",
        "users/GET/backend/*/age",
        "payment/POST/backend/validate", "payment/GET/backend/*",
        "payment/POST/backend/*/capture", "payment/POST/backend/*/void", "payment/POST/backend/*/refund",
        "warehouse/POST/backend/reservations", "warehouse/DELETE/backend/reservations/*",
        "warehouse/POST/backend/reservations/*", "warehouse/GET/backend/packages/*",
        "delivery/POST/backend/pricing", "delivery/GET/backend/*", "delivery/POST/backend/*/release",
        "delivery/POST/backend/*/forget",
        # Its peers in other regions: the journal, the owners of shards.
        "orders/POST/backend/journal/*", "orders/GET/backend/journal/shards", "orders/POST/backend/events",
        "orders/POST/backend/*/forget",
        # The platform's own service, which lives beside it.
        "platform/POST/backend/regions/*", "platform/GET/backend/outbox-lag",
      ]
      open_paths = []
      world      = []
      # Administrators read what regions know of each other by token.
      hosts = { platform = { open_paths = ["/backend/regions"] } }
    }
    warehouse = {
      memory_mb = 512
      tables = [
        "warehouse", "warehouse-stock", "warehouse-reservations", "warehouse-refusals", "warehouse-ledger",
        "warehouse-sites", "platform-inbox",
      ]
      scans     = []
      publishes = true
      consumes  = true
      works     = true
      calls     = ["orders/GET/backend/*", "warehouse/POST/backend/events"]
      # Staff read stock too, by token.
      open_paths = ["/backend/stock/{product}", "/backend/warehouses/{warehouse}/stock"]
      world      = []
      hosts      = {}
    }
    delivery = {
      memory_mb  = 512
      tables     = ["delivery"]
      scans      = []
      publishes  = true
      consumes   = false
      works      = true
      calls      = []
      open_paths = []
      world      = []
      hosts      = {}
    }
    payment = {
      memory_mb  = 512
      tables     = ["payment", "payment-ledger"]
      scans      = []
      publishes  = true
      consumes   = false
      works      = true
      calls      = []
      open_paths = []
      world      = []
      hosts      = {}
    }
    frontend-api = {
      memory_mb  = 1024
      tables     = []
      scans      = []
      publishes  = false
      consumes   = false
      works      = false
      calls      = ["delivery/POST/backend/pricing"]
      open_paths = []
      world      = ["api"]
      hosts      = {}
    }
  }
}
