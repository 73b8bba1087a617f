#!/usr/bin/env bash
# debian.sh FOLDER PACKAGE... unpacks Debian packages into a folder. They come from Debian's next
# release, because the stable release has a gem dotenv of 2018. apt's lists of that release are kept
# below the folder, so that those of the machine do not change.
set -euo pipefail
folder=$1
shift
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
echo "deb $mirror testing main" >"$folder/sources.list"
own=(
  -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=-
  -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache"
  -o APT::Sandbox::User=root -o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
)
apt-get "${own[@]}" update -q
cd "$folder"
apt-get "${own[@]}" download -q "$@"
for package in *.deb; do dpkg-deb -x "$package" .; done
rm -r lists cache
