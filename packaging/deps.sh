#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what is missing to build, test and demo faasmat on Debian 12, and says what it does.
# usage: deps.sh BUILD_DIR      as root, or as a user who may sudo; may be run again at any time
#
# All comes from the Debian mirror that this machine is set up with. virtme-ng is not in Debian 12:
# the package of Debian 13 (architecture all) is unpacked into BUILD_DIR/virtme, not installed.
set -eu -o pipefail
build=${1:?usage: deps.sh BUILD_DIR}
release=bookworm

packages=(
	gcc make clang llvm clang-format bpftool pkg-config libc6-dev
	libbpf-dev libelf-dev zlib1g-dev libcgroup-dev libsqlite3-dev libcmocka-dev libjansson-dev
	liblapacke-dev libopenblas-serial-dev libfftw3-dev
	qemu-system-x86 crun busybox-static kmod file tzdata xz-utils e2fsprogs jq wrk sqlite3 gnuplot-nox
	python3 python3-argcomplete python3-pkg-resources python3-requests
	linux-image-amd64
)

say() { printf 'deps: %s\n' "$*" >&2; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		say "needs root to run: $*  (become root, or install sudo)"
		exit 1
	fi
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
	local missing=()
	for p in "${packages[@]}"; do
		installed "$p" || missing+=("$p")
	done
	if [ ${#missing[@]} = 0 ]; then
		return
	fi
	say "installing ${missing[*]}"
	as_root apt-get -qq update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
		"${missing[@]}" >/dev/null
}

# apt with a package list of its own that names another suite of the same mirror; nothing of the
# machine's own apt setup changes.
private_apt() {
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/sources" \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache::pkgcache= \
		-o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

fetch_virtme() {
	local suite=trixie apt tmp
	if [ -x "$build/virtme/usr/bin/vng" ]; then
		return
	fi
	say "unpacking virtme-ng of Debian 13 into $build/virtme"
	tmp=$(mktemp -d)
	apt=$tmp/apt
	mkdir -p "$apt/sources" "$apt/lists/partial"
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v release=$release -v suite=$suite '$2 == release && $3 == "main" && !seen[$1]++ {
			print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " \
			      $1 " " suite " main"
		}' >"$apt/sources/$suite.list"
	private_apt update
	(cd "$tmp" && private_apt download virtme-ng)
	rm -rf "$build/virtme"
	dpkg -x "$tmp"/virtme-ng_*.deb "$build/virtme"
	rm -rf "$tmp"
}

mkdir -p "$build"
install_packages
fetch_virtme
