#!/usr/bin/env bash
# Applies the platform to an emulator of AWS (ministack, from PyPI) and has one order fulfilled there, by the services as
# functions: sign-up and sign-in by Cognito, GraphQL by AppSync, calls between services through API Gateway under IAM, events
# by EventBridge and SQS. The emulator checks signatures and roles (AUTH=true). Then each role tries what it may not, and
# alarms are fed. What the emulator lacks is said in tests/emulated/modules, file by file, and in README.md.
#
# Needs terraform and python3 on PATH, TF_PLUGIN_DIR as for check.sh, and what was built in BIN_DIR:
#   cargo build --workspace && infra/emulate.sh
set -euo pipefail
cd "$(dirname "$0")"

root="$(cd .. && pwd -P)"
work="$root/target/infra"
bin="${BIN_DIR:-$root/target/debug}"
port="${EMULATOR_PORT:-4566}"

step() { printf '\n--- %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"; }

missing=()
for tool in terraform python3; do command -v "$tool" >/dev/null || missing+=("$tool"); done
for program in simulator orders; do [ -x "$bin/$program" ] || missing+=("$bin/$program"); done
[ ${#missing[@]} -eq 0 ] || { echo "infra/emulate.sh: not there: ${missing[*]}"; exit 3; }

step "packages"
mkdir -p "$work"
./package.sh --from "$bin"

step "the emulator"
[ -x "$work/ministack/bin/python" ] || python3 -m venv "$work/ministack"
"$work/ministack/bin/pip" install --quiet --disable-pip-version-check \
    -r tests/ministack.txt boto3==1.43.106 pycognito==2024.5.1

# An account's number as a key is its root user there.
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_S3_USE_PATH_STYLE=true AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=emulated
unset AWS_PROFILE AWS_SESSION_TOKEN
# Nothing is left in the tree.
export PYTHONDONTWRITEBYTECODE=1

running=()
trap 'kill "${running[@]}" 2>/dev/null || true' EXIT
# Terraform and the functions keep their connections open.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
MINISTACK_ACCOUNT_ID="$AWS_ACCESS_KEY_ID" AUTH=true GATEWAY_PORT="$port" IOT_MTLS_ENABLED=0 PYTHONPATH=tests/emulated \
    "$work/ministack/bin/python" -m hypercorn server:app --bind "127.0.0.1:$port" --keep-alive 3600 \
    >"$work/ministack.log" 2>&1 &
emulator=$!
running+=("$emulator")
export EMULATED="$work/ministack/bin/python $root/infra/tests/emulated/main.py"
# What answers may be another's, where the port was taken.
{ $EMULATED wait && kill -0 "$emulator"; } || { tail -20 "$work/ministack.log"; exit 1; }
$EMULATED prepare "$root/target/packages"

step "terraform apply, three regions"
tree="$work/emulated"
rm -rf "$tree"
mkdir -p "$tree"
cp -R ./*.tf ./*.json check.tfvars modules graphql experiments "$tree"
cp -R tests/emulated/modules "$tree"
printf 'terraform {\n  backend "local" {}\n}\n' >"$tree/backend_override.tf"
. tests/terraform.sh
terraform -chdir="$tree" init -input=false -no-color >"$work/init.log" || { cat "$work/init.log"; exit 1; }
terraform -chdir="$tree" apply -input=false -no-color -auto-approve -parallelism=20 \
    -var-file=check.tfvars >"$work/apply.log" 2>&1 || { grep -A8 'Error:' "$work/apply.log"; exit 1; }
grep '^Apply complete' "$work/apply.log"
$EMULATED replicate

step "keys, and the companies outside"
rm -rf "$work/outside"
"$bin/simulator" third-parties --out "$work/outside" >"$work/outside.log" 2>&1 &
running+=($!)
for _ in $(seq 100); do [ -s "$work/outside/third-parties.json" ] && break; sleep 0.1; done
[ -s "$work/outside/third-parties.json" ] || { cat "$work/outside.log"; exit 1; }
$EMULATED configure "$work/outside/third-parties.json" "$bin/orders" "$work"

step "one order"
$EMULATED order "$work/outside/third-parties.json"
step "what each role may not do"
terraform -chdir="$tree" output -json policies >"$work/policies.json"
$EMULATED roles "$work/policies.json"
step "alarms"
$EMULATED alarms
