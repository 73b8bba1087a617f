#!/usr/bin/env bash
# Builds the etcd, etcdctl and etcdutl that the tests run, unless they are there already, and prints their folder. Put the
# folder first on the PATH:
#
#     PATH="$(test/support/etcd/build.sh):$PATH" npm run test:cluster
#
# It needs Go 1.26 and Go's module proxy. go.mod names the version of etcd, and go.sum the hashes of all its sources.
set -euo pipefail
cd "$(dirname "$0")"
version=$(sed -n 's|^require go.etcd.io/etcd/server/v3 v||p' go.mod)
folder=$(realpath ../../..)/.local/etcd-$version
declare -A sources=(
  [etcd]=.
  [etcdctl]=go.etcd.io/etcd/etcdctl/v3
  [etcdutl]=go.etcd.io/etcd/etcdutl/v3
)
mkdir -p "$folder"
for program in "${!sources[@]}"; do
  if [ -x "$folder/$program" ]; then continue; fi
  # Renamed when it is whole, so that nobody runs half of a file.
  go build -o "$folder/$program.$$" "${sources[$program]}" >&2
  mv "$folder/$program.$$" "$folder/$program"
done
echo "$folder"
