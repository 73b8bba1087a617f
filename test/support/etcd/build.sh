#!/usr/bin/env bash
# Builds the etcd that the tests use, unless it is already there, and prints its folder. Put this
# folder first on the PATH:
#
#     PATH="$(test/support/etcd/build.sh):$PATH" npm run test:cluster
#
# This needs Go 1.26 and Go's module proxy. go.mod names the version of etcd, and go.sum has the
# hashes of all its sources.
set -euo pipefail
cd "$(dirname "$0")"
version=$(sed -n 's|^require go.etcd.io/etcd/server/v3 v||p' go.mod)
folder=$(realpath ../../..)/.local/etcd-$version
mkdir -p "$folder"
if [ ! -x "$folder/etcd" ]; then
  # The file gets its name when it is complete, so nobody can run half of it.
  go build -o "$folder/etcd.$$" . >&2
  mv "$folder/etcd.$$" "$folder/etcd"
fi
echo "$folder"
