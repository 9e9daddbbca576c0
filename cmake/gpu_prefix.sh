#!/bin/sh
# Copies what the build needs of this machine's Debian packages into a folder, for a GPU machine that has none:
#   cmake/gpu_prefix.sh [FOLDER=gpu-prefix]     then there: make gpu-check PREFIX_PATH=gpu-prefix/usr
# Headers, CMake files and libraries keep their paths. oneDNN stays behind: the CPU's own rows do.
set -eu
folder=${1:-gpu-prefix}
packages="libhwy-dev libhwy1 nlohmann-json3-dev libcli11-dev libjpeg62-turbo-dev libjpeg62-turbo libstb-dev libgtest-dev
  libbenchmark-dev libbenchmark1debian"
rm -rf "$folder"
for package in $packages; do
  dpkg-query -W "$package" >/dev/null 2>&1 || { echo "gpu_prefix.sh: apt-get install $package" >&2; exit 1; }
  dpkg -L "$package" | grep -E '\.(h|hpp|hh|a|cmake|pc|so(\.[0-9a-z.]+)?)$' | grep -v -e /doc/ -e libstb |
    while read -r file; do
      [ -e "$file" ] || continue
      mkdir -p "$folder$(dirname "$file")"
      cp -P "$file" "$folder$file"
    done
done
# The compiler of another system looks for no folder of this one's architecture (jconfig.h).
for file in "$folder"/usr/include/*-linux-gnu/*; do
  [ ! -e "$file" ] || cp -RP "$file" "$folder/usr/include/"
done
du -sh "$folder" | cut -f1
