#!/bin/sh
# Installs the Debian packages that the named groups (build, test) need and that are missing.
# Where there is no apt-get, prints the list and stops.
set -eu

build="g++ cmake ninja-build libhwy-dev libdnnl-dev nlohmann-json3-dev libcli11-dev libjpeg62-turbo-dev libstb-dev"
test="libgtest-dev libbenchmark-dev libonnx-testdata clang-tidy libomp-dev clang-format python3"

wanted=""
for group in "$@"; do
  case $group in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    *) echo "packages.sh: unknown group '$group'; there are build and test" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  for tool in g++ cmake ninja; do
    command -v "$tool" >/dev/null || {
      echo "sumi: '$tool' is missing and this system has no apt-get. Install what these Debian packages hold:$wanted" >&2
      exit 1
    }
  done
  exit 0 # CMake names any library that is missing
fi

missing=""
for package in $wanted; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "sumi: as root, run: apt-get install$missing" >&2; exit 1; }
  sudo=sudo
fi
echo "sumi: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq || echo "sumi: apt-get update failed; trying with the lists at hand" >&2
# shellcheck disable=SC2086 # the list is words on purpose
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
  echo "sumi: could not install$missing; see apt-get's message above" >&2
  exit 1
}
