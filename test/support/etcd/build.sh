#!/usr/bin/env bash
# Builds the etcd that the tests run, unless it is there already, and prints its folder. Put the folder first on the
# PATH:
#
#     PATH="$(test/support/etcd/build.sh):$PATH" npm run test:cluster
#
# It needs Go 1.26 and Go's module proxy. go.mod names the version of etcd, and go.sum the hashes of all its sources.
set -euo pipefail
cd "$(dirname "$0")"
version=$(sed -n 's|^require go.etcd.io/etcd/server/v3 v||p' go.mod)
folder=$(realpath ../../..)/.local/etcd-$version
mkdir -p "$folder"
if [ ! -x "$folder/etcd" ]; then
  # Renamed when it is whole, so that nobody runs half of a file.
  go build -o "$folder/etcd.$$" . >&2
  mv "$folder/etcd.$$" "$folder/etcd"
fi
echo "$folder"
