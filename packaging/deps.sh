#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what is missing to build, test and demo faasmat on Debian 12, and says what it does.
# usage: deps.sh BUILD_DIR            as root, or as a user who may sudo; may be run again at any time
#        deps.sh BUILD_DIR 6.12|7.x   only unpacks that kernel, for test VMs
#        deps.sh BUILD_DIR engines    what make vmtest TEST=engines needs beside
#
# All comes from the Debian mirror that this machine is set up with. What Debian 12 does not have is
# unpacked, not installed: virtme-ng (of Debian 13, architecture all), kernels of Debian 13 and its
# backports; and nginx, docker and containerd, which would start services when they were installed. These are kept in
# $XDG_CACHE_HOME/faasmat (~/.cache/faasmat) and linked into BUILD_DIR, so that another checkout fetches
# nothing; remove that directory to have them anew.
set -eu -o pipefail
build=${1:?usage: deps.sh BUILD_DIR}
release=bookworm
PATH=$PATH:/usr/sbin:/sbin # depmod, for a user

packages=(
	gcc make clang libclang-rt-dev llvm clang-format bpftool pkg-config libc6-dev
	libbpf-dev libelf-dev zlib1g-dev libcgroup-dev libsqlite3-dev libcmocka-dev libjansson-dev libncurses-dev
	liblapacke-dev libopenblas-serial-dev libfftw3-dev libsystemd-dev
	qemu-system-x86 crun runc busybox-static kmod file tzdata xz-utils zstd e2fsprogs dmsetup jq wrk curl sqlite3 strace gnuplot-nox
	nghttp2-client iproute2
	python3 python3-argcomplete python3-pkg-resources python3-requests
	linux-image-amd64
)

# Those of make vmtest TEST=engines; docker.io and containerd come beside.
engine_packages=(podman conmon dbus systemd busybox-static crun runc dmsetup)

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

# install_packages NAME...
install_packages() {
	local missing=()
	for p; do
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

# Runs "$@" with apt set up, by a list of its own, for another suite of the same mirror; nothing of
# the machine's own apt setup changes. Its working directory is thrown away afterwards.
with_suite() {
	local suite=$1 tmp
	shift
	tmp=$(mktemp -d)
	apt=$tmp/apt
	mkdir -p "$apt/sources" "$apt/lists/partial"
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v release=$release -v suite="$suite" '$2 == release && $3 == "main" && !seen[$1]++ {
			print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " \
			      $1 " " suite " main"
		}' >"$apt/sources/suite.list"
	private_apt apt-get -qq update
	(cd "$tmp" && "$@")
	rm -rf "$tmp"
}

private_apt() {
	local tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/sources" \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache::pkgcache= \
		-o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

# keep NAME COMMAND...: BUILD_DIR/NAME, unpacked by COMMAND into the directory that is its last argument
keep() {
	local name=$1
	shift
	[ -e "$build/$name" ] && return
	if [ ! -d "$cache/$name" ]; then
		say "unpacking $name into $cache"
		rm -rf "$cache/$name.part"
		mkdir -p "$cache/$name.part"
		"$@" "$cache/$name.part"
		mv "$cache/$name.part" "$cache/$name"
	fi
	mkdir -p "$(dirname "$build/$name")"
	rm -f "$build/$name"
	ln -s "$cache/$name" "$build/$name"
}

unpack_virtme() {
	private_apt apt-get -qq download virtme-ng
	dpkg -x virtme-ng_*.deb "$1"
}

fetch_nginx() {
	local tmp
	tmp=$(mktemp -d)
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download nginx)
	dpkg -x "$tmp"/nginx_*.deb "$1"
	rm -r "$tmp"
}

# With docker's libraries (libdevmapper) dmsetup came already.
fetch_engines() {
	local tmp
	tmp=$(mktemp -d)
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download docker.io containerd)
	for deb in "$tmp"/*.deb; do dpkg -x "$deb" "$1"; done
	rm -r "$tmp"
}

# The newest kernel of the suite: its image and modules, which newer suites keep in packages apart.
unpack_kernel() {
	local root=$1 names=linux-image-amd64 all=
	while [ -n "$names" ]; do
		names=$(private_apt apt-cache depends $names | sed -nE \
			's/^  Depends: (linux-(image|base|binary|modules)-[0-9].*-amd64)$/\1/p' | sort -u)
		all+=" $names"
	done
	private_apt apt-get -qq download $all
	for deb in *.deb; do dpkg -x "$deb" "$root"; done
	mkdir -p "$root/boot" "$root/usr/lib"
	[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
	for modules in "$root"/lib/modules/*; do
		version=${modules##*/}
		[ -e "$root/boot/vmlinuz-$version" ] ||
			mv "$modules/vmlinuz" "$root/boot/vmlinuz-$version"
		depmod -b "$root" "$version"
	done
}

fetch_kernel() {
	local suite
	case $1 in
	6.12) suite=trixie ;;
	7.x) suite=trixie-backports ;;
	*) say "no kernel $1: 6.1 (installed by make deps), 6.12 or 7.x"; exit 1 ;;
	esac
	keep "kernels/$1" with_suite $suite unpack_kernel
}

mkdir -p "$build"
build=$(realpath "$build")
cache=${XDG_CACHE_HOME:-${HOME:-$build}/.cache}/faasmat
if [ "${2:-}" = engines ]; then
	install_packages "${engine_packages[@]}"
	installed docker.io && installed containerd || keep engines fetch_engines
elif [ $# -gt 1 ]; then
	fetch_kernel "$2"
else
	install_packages "${packages[@]}"
	keep virtme with_suite trixie unpack_virtme
	keep nginx fetch_nginx
fi
