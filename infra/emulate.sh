#!/usr/bin/env bash
# Applies a region to an emulator of AWS (ministack, from PyPI) and asks it something: a GraphQL query goes through AppSync's
# resolver and the function's alias to the frontend API's own binary, which its bootstrap has configured, and on to products
# over a table that was made here. The emulator knows neither REST APIs of a description nor a web ACL's logs: these are
# left out. Needs terraform and python3 on PATH, TF_PLUGIN_DIR as for check.sh, and built services in BIN_DIR:
#   cargo build -p frontend-api -p products && infra/emulate.sh
set -euo pipefail
cd "$(dirname "$0")"

root="$(cd .. && pwd -P)"
work="$root/target/infra"
bin="${BIN_DIR:-$root/target/debug}"
port="${EMULATOR_PORT:-4566}"

missing=()
for tool in terraform python3; do command -v "$tool" >/dev/null || missing+=("$tool"); done
for service in frontend-api products; do [ -x "$bin/$service" ] || missing+=("$bin/$service"); done
[ ${#missing[@]} -eq 0 ] || { echo "infra/emulate.sh: not there: ${missing[*]}"; exit 3; }

[ -x "$work/ministack/bin/python" ] || python3 -m venv "$work/ministack"
"$work/ministack/bin/pip" install --quiet --disable-pip-version-check \
    ministack==1.5.33 cryptography==50.0.2 aws-sam-translator==1.115.0 boto3==1.43.106

export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_S3_USE_PATH_STYLE=true AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=emulated AWS_SECRET_ACCESS_KEY=emulated
unset AWS_PROFILE AWS_SESSION_TOKEN

BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" IOT_MTLS_ENABLED=0 "$work/ministack/bin/ministack" >"$work/ministack.log" 2>&1 &
emulator=$!
trap 'kill "$emulator" 2>/dev/null || true' EXIT
python() { "$work/ministack/bin/python" tests/emulated.py "$@"; }
python wait || { tail -20 "$work/ministack.log"; exit 1; }
python package "$bin/frontend-api"

rm -rf "$work/emulated"
mkdir -p "$work/emulated"
cp -R ./*.tf ./*.json check.tfvars modules graphql "$work/emulated"
printf 'terraform {\n  backend "local" {}\n}\n' >"$work/emulated/backend_override.tf"
. tests/terraform.sh

terraform -chdir="$work/emulated" init -input=false -no-color >"$work/init.log" || { cat "$work/init.log"; exit 1; }
here=module.us_east_1
terraform -chdir="$work/emulated" apply -input=false -no-color -auto-approve -var-file=check.tfvars \
    -target=module.global_tables -target="$here.module.tables" -target="$here.module.events" -target="$here.module.graphql" \
    -target="$here.module.watch" -target="$here.aws_ssm_parameter.config" -target="$here.aws_secretsmanager_secret.keys" \
    >"$work/apply.log" || { tail -40 "$work/apply.log"; exit 1; }
grep '^Apply complete' "$work/apply.log"
terraform -chdir="$work/emulated" show -json >"$work/emulated.json"

python ask "$bin/products" "$work"
