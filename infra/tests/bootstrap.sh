#!/usr/bin/env bash
# The entry point of a package, with a curl that answers what AWS would: it writes the service's configuration, and starts the
# service by itself or by the wrapper of an extension.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/task"
cat >"$work/bin/curl" <<'SH'
#!/bin/sh
cat >/dev/null
case "$*" in
*GetParameter*) echo '{"Parameter":{"Value":"{\"env\":\"dev\"}"}}' ;;
*GetSecretValue*) echo '{"SecretString":"{\"service_key\":\"a\"}"}' ;;
esac
SH
printf '#!/bin/sh\necho "service of ${AWS_LAMBDA_RUNTIME_API:-nobody} told $(cat "$BIGSMOKES_CONFIG")"\n' >"$work/task/service"
printf '#!/bin/sh\nexport AWS_LAMBDA_RUNTIME_API=the-extension\nexec "$@"\n' >"$work/wrapper"
chmod +x "$work/bin/curl" "$work/task/service" "$work/wrapper"

start() {
    env -i PATH="$work/bin:$PATH" LAMBDA_TASK_ROOT="$work/task" TMPDIR="$work" \
        BIGSMOKES_PARAMETER=/parameter BIGSMOKES_KEYS=keys AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b \
        AWS_SESSION_TOKEN=c "$@" sh lambda/bootstrap
}
is() { [ "$1" = "$2" ] || { echo "tests/bootstrap.sh: \"$1\" instead of \"$2\""; exit 1; }; }

told='{"env":"dev","secrets":{"service_key":"a"}}'
is "$(start)" "service of nobody told $told"
is "$(start AWS_LAMBDA_EXEC_WRAPPER="$work/wrapper")" "service of the-extension told $told"
is "$(find "$work" -mindepth 1 -name 'tmp.*' | wc -l)" 2
is "$(find "$work" -mindepth 1 -name 'tmp.*' -perm /077)" ""
echo "the service is started by itself and by a wrapper"
