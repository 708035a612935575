#!/usr/bin/env bash
# Everything about the infrastructure that can be checked without AWS: formatting, validity, tests, a plan of all regions,
# and checkov. Needs terraform, python3 and node on PATH; the AWS provider comes from the registry, or from the folder
# that TF_PLUGIN_DIR names (a filesystem mirror). What is made for it lies in target/infra.
set -euo pipefail
cd "$(dirname "$0")"

CHECKOV=3.3.30
work="$(cd .. && pwd -P)/target/infra"

step() { printf '\n--- %s\n' "$1"; }

missing=()
for tool in terraform python3 node; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} -eq 0 ] || { echo "infra/check.sh: not on PATH: ${missing[*]}"; exit 3; }

# In a copy, with a state of its own: nothing is left in the tree, and no one's state is touched.
rm -rf "$work/tree"
mkdir -p "$work/tree"
cp -R ./. "$work/tree"
rm -rf "$work/tree/.terraform"
cat >"$work/tree/backend_override.tf" <<'TF'
terraform {
  backend "local" {}
}
TF

. tests/terraform.sh
# The plan asks nobody; the provider wants to have some all the same.
export AWS_ACCESS_KEY_ID=offline AWS_SECRET_ACCESS_KEY=offline
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL

step "format"
terraform fmt -check -recursive .

step "the resolver"
node --test tests/resolver.mjs

step "the bootstrap"
tests/bootstrap.sh

cd "$work/tree"
step "validity"
terraform init -input=false -no-color >"$work/init.log" || { cat "$work/init.log"; exit 1; }
terraform validate -no-color

step "tests"
terraform test -no-color -var-file=check.tfvars

plan() {
    terraform plan -input=false -no-color -refresh=false -lock=false -var-file=check.tfvars "$@" >"$work/plan.log" ||
        { tail -50 "$work/plan.log"; exit 1; }
    grep '^Plan:' "$work/plan.log"
}

step "a plan of all regions, with experiments"
plan -var-file=check-experiments.tfvars
step "a plan of all regions"
plan -out="$work/plan"

step "checkov $CHECKOV"
[ -x "$work/checkov/bin/checkov" ] || python3 -m venv "$work/checkov"
"$work/checkov/bin/pip" install --quiet --disable-pip-version-check "checkov==$CHECKOV"
# What is under tests/ is never applied to AWS.
"$work/checkov/bin/checkov" --directory "$work/tree" --skip-path tests/ --framework terraform --skip-download --compact --quiet
echo "infra: all checks passed"
