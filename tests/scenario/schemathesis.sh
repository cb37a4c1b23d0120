#!/bin/sh
# Holds the served openapi.json against what the server really answers, with generated requests: once as an operator, once as a participant.
#
# usage: tests/scenario/schemathesis.sh [EXAMPLES]     per operation and phase, by default 10: about a minute
# environment: WINDFALL = the binary, by default build/release/windfall; ST = schemathesis 4's command, by default `st`
# exit: 0 all hold, 1 something does not (its log is printed), 77 skipped because there is no schemathesis (pip install schemathesis)
set -u
here=$(cd "$(dirname "$0")" && pwd)
windfall=${WINDFALL:-$here/../../build/release/windfall}
st=${ST:-st}
if ! "$st" --version > /dev/null 2>&1; then
  echo "skipped: no schemathesis; pip install schemathesis, or name its command in ST" >&2
  exit 77
fi

folder=$(mktemp -d)
WINDFALL_ADMIN_KEY=contract "$windfall" serve --dev --listen 127.0.0.1:0 --data "$folder/data" > "$folder/out" 2> "$folder/err" &
server=$!
trap 'kill -TERM $server 2> /dev/null; wait $server; rm -rf "$folder"' EXIT
tries=0
until grep -q '^listening' "$folder/out"; do
  tries=$((tries + 1))
  if [ $tries -gt 200 ] || ! kill -0 $server; then
    cat "$folder/err" >&2
    exit 1
  fi
  sleep 0.1
done
url=$(sed 's/^listening on //' "$folder/out")

# Refusals that depend on what is there (412, 428, 409, 404) are right answers to requests that fit the schema; so are 422, a period has an
# order that no schema can tell, and 413, a list of good items can be too long for any body. Public routes are right to ignore a wrong key. The live stream never ends.
cat > "$folder/schemathesis.toml" <<'TOML'
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "412", "413", "422", "428"]
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "431"]
missing_required_header.expected-statuses = ["400", "401", "403", "415", "422", "428"]
ignored_auth.enabled = false
[[operations]]
include-operation-id = "streamStats"
enabled = false
TOML
curl -fsS -o /dev/null -H 'Authorization: Bearer contract' -H 'Content-Type: application/json' "$url/v1/admin/promotions" \
  -d '{"id":"1","title":"P","rewardAmount":1,"limitJoinCount":1000000,"startDate":"2025-06-20","endDate":"2025-06-30"}' || exit 1
curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/json' "$url/v1/dev/clock" -d '{"now":"2025-06-21T03:00:00.000Z"}' || exit 1

run() {
  log=$folder/log
  if ! (cd "$folder" && "$st" --config-file schemathesis.toml run "$url/openapi.json" -u "$url" --max-examples "${examples}" --seed 1 "$@") > "$log" 2>&1; then
    cat "$log"
    exit 1
  fi
  grep -E 'Tested:|generated' "$log"
}
examples=${1:-10}
run -H 'X-User-Id: contract' --include-tag Participant
run -H 'Authorization: Bearer contract' --exclude-tag Participant
