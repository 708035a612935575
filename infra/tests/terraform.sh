# Sourced by check.sh and emulate.sh: where Terraform takes the AWS provider from. $work is the folder to write to.
# TF_PLUGIN_DIR names a mirror; without it the caller's own configuration holds, or the registry.

if [ -n "${TF_PLUGIN_DIR:-}" ]; then
    [ -d "$TF_PLUGIN_DIR" ] || { echo "TF_PLUGIN_DIR: $TF_PLUGIN_DIR is no folder"; exit 3; }
    printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$TF_PLUGIN_DIR" >"$work/terraform.rc"
    export TF_CLI_CONFIG_FILE="$work/terraform.rc"
elif [ ! -f "${TF_CLI_CONFIG_FILE:-}" ]; then
    unset TF_CLI_CONFIG_FILE
fi
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
