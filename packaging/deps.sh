#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what is missing to build, test and demo faasmat on Debian 12, and says what it does.
# usage: deps.sh BUILD_DIR            as root, or as a user who may sudo; may be run again at any time
#        deps.sh BUILD_DIR 6.12|7.x   only unpacks that kernel, for test VMs
#
# All comes from the Debian mirror that this machine is set up with. What Debian 12 does not have is
# unpacked, not installed: virtme-ng (of Debian 13, architecture all) into BUILD_DIR/virtme, kernels of
# Debian 13 and its backports into BUILD_DIR/kernels. So is nginx, which would start a service when it
# were installed, into BUILD_DIR/nginx.
set -eu -o pipefail
build=${1:?usage: deps.sh BUILD_DIR}
release=bookworm
PATH=$PATH:/usr/sbin:/sbin # depmod, for a user

packages=(
	gcc make clang libclang-rt-dev llvm clang-format bpftool pkg-config libc6-dev
	libbpf-dev libelf-dev zlib1g-dev libcgroup-dev libsqlite3-dev libcmocka-dev libjansson-dev libncurses-dev
	liblapacke-dev libopenblas-serial-dev libfftw3-dev libsystemd-dev
	qemu-system-x86 crun runc busybox-static kmod file tzdata xz-utils zstd e2fsprogs dmsetup jq wrk curl sqlite3 strace gnuplot-nox
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

unpack_virtme() {
	private_apt apt-get -qq download virtme-ng
	rm -rf "$build/virtme"
	dpkg -x virtme-ng_*.deb "$build/virtme"
}

fetch_virtme() {
	[ -x "$build/virtme/usr/bin/vng" ] && return
	say "unpacking virtme-ng of Debian 13 into $build/virtme"
	with_suite trixie unpack_virtme
}

fetch_nginx() {
	local tmp
	[ -x "$build/nginx/usr/sbin/nginx" ] && return
	say "unpacking nginx into $build/nginx"
	tmp=$(mktemp -d)
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download nginx)
	dpkg -x "$tmp"/nginx_*.deb "$build/nginx"
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
	rm -rf "$root" "$root.part"
	for deb in *.deb; do dpkg -x "$deb" "$root.part"; done
	mkdir -p "$root.part/boot" "$root.part/usr/lib"
	[ -e "$root.part/lib" ] || ln -s usr/lib "$root.part/lib"
	for modules in "$root.part"/lib/modules/*; do
		version=${modules##*/}
		[ -e "$root.part/boot/vmlinuz-$version" ] ||
			mv "$modules/vmlinuz" "$root.part/boot/vmlinuz-$version"
		depmod -b "$root.part" "$version"
	done
	mv "$root.part" "$root"
}

fetch_kernel() {
	local suite root=$build/kernels/$1
	case $1 in
	6.12) suite=trixie ;;
	7.x) suite=trixie-backports ;;
	*) say "no kernel $1: 6.1 (installed by make deps), 6.12 or 7.x"; exit 1 ;;
	esac
	[ -d "$root" ] && return
	say "unpacking the kernel of $suite into $root (100 MB to fetch)"
	mkdir -p "$build/kernels"
	with_suite $suite unpack_kernel "$root"
}

mkdir -p "$build"
build=$(realpath "$build")
if [ $# -gt 1 ]; then
	fetch_kernel "$2"
else
	install_packages
	fetch_virtme
	fetch_nginx
fi
