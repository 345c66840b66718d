# Installs what kptool's scripts need, on Debian 12. Read by scripts/quickstart and scripts/test with `.`; POSIX sh.
# What is there is left alone, so that a second run takes no time. What could not be got is named, and the caller decides
# what can be done without it. Nothing here names a package version.

# Debian keeps some programs where the PATH of ordinary users does not look.
PATH=$PATH:/usr/sbin:/sbin
export PATH

missing=''

say() {
  printf '%s: %s\n' "$program" "$*"
}

has_program() {
  command -v "$1" >/dev/null 2>&1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif has_program sudo; then
    sudo "$@"
  else
    return 127
  fi
}

# The newest installed kernel of the series ($1) that has an image, modules and a build tree; nothing where there is none.
installed_kernel() {
  for image in /boot/vmlinuz-"$1".*; do
    release=${image#/boot/vmlinuz-}
    if [ -e "$image" ] && [ -e "/lib/modules/$release/build/Makefile" ]; then
      printf '%s\n' "$release"
    fi
  done | sort -V | tail -n 1
}

# Whether /bin/busybox runs without libraries; Debian's package "busybox" brings one that does not.
has_static_busybox() {
  for busybox in /bin/busybox /usr/bin/busybox; do
    if [ -x "$busybox" ] && ! ldd "$busybox" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

# The version of an installed package ($1); nothing where it is not installed.
package_version() {
  dpkg-query --show --showformat='${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p'
}

# Whether the source package of the series ($1) is installed, and of the version that the kernel ($2) was built from.
has_matching_source() {
  [ -n "$2" ] || return 1
  version=$(package_version "linux-source-$1")
  [ -n "$version" ] && [ "$version" = "$(package_version "linux-image-$2")" ]
}

# Adds the package ($1) to the list to be installed.
want() {
  wanted="$wanted $1"
}

want_unless_program() {
  has_program "$2" || want "$1"
}

# A kernel of the series ($1) with its headers; the other arguments are the packages that bring the newest one.
want_kernel() {
  series=$1
  shift
  [ -z "$(installed_kernel "$series")" ] || return 0
  for package; do want "$package"; done
}

# The source of the kernel of the series ($1), about 150 MB to load and to keep.
want_source() {
  has_matching_source "$1" "$(installed_kernel "$1")" || want "linux-source-$1"
}

# The archive has the source of its newest kernel only, so that kernel (the other arguments) comes with the source of $1.
want_kernel_of_source() {
  case " $wanted " in *" linux-source-$1 "*) ;; *) return 0 ;; esac
  shift
  for package; do want "$package"; done
}

# Fills $wanted with the packages that are missing.
find_missing_packages() {
  wanted=''
  want_unless_program make make
  want_unless_program gcc gcc
  want_unless_program gcc-12 gcc-12
  want_unless_program binutils ld
  want_unless_program patch patch
  want_unless_program xz-utils xz
  want_unless_program zstd zstd
  want_unless_program kmod modinfo
  want_unless_program qemu-system-x86 qemu-system-x86_64
  has_static_busybox || want busybox-static
  want_kernel "$kernel_series" linux-image-amd64 linux-headers-amd64
  [ "$needs_tests" = yes ] || return 0
  [ -e /usr/lib/x86_64-linux-gnu/libc.a ] || want libc6-dev
  want_source "$kernel_series"
  want_kernel "$ibt_series" "linux-image-$ibt_series-amd64" "linux-headers-$ibt_series-amd64"
  want_source "$ibt_series"
  # What a kernel's source needs before one of its objects can be compiled.
  want_unless_program flex flex
  want_unless_program bison bison
  want_unless_program bc bc
  [ -e /usr/include/libelf.h ] || want libelf-dev
  [ -e /usr/include/openssl/ssl.h ] || want libssl-dev
}

# One package that could not be had must not keep the others from being installed.
install_packages() {
  # INITRD=No: the kernels are booted in QEMU with an initramfs of our own, so none has to be made for this machine.
  as_root env DEBIAN_FRONTEND=noninteractive INITRD=No \
    apt-get install --yes --quiet --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

# Installs the system packages; afterwards $missing names what is still not there. $1 is "tests" for what only they need.
install_system_packages() {
  # The kernel of Debian 12, and its newer one, which is built for indirect branch tracking.
  kernel_series=6.1
  ibt_series=6.12
  needs_tests=no
  if [ "${1:-}" = tests ]; then needs_tests=yes; fi
  find_missing_packages
  if [ -n "$wanted" ]; then
    say "installing:$wanted"
    if ! has_program apt-get; then
      say 'there is no apt-get here; install these packages in the way of your system'
    elif [ "$(id -u)" -ne 0 ] && ! has_program sudo; then
      say 'installing needs root: run this as root, or install sudo'
    else
      as_root apt-get update --quiet -o DPkg::Lock::Timeout=300 || say 'apt-get update failed; going on with the lists that are there'
      want_kernel_of_source "$kernel_series" linux-image-amd64 linux-headers-amd64
      want_kernel_of_source "$ibt_series" "linux-image-$ibt_series-amd64" "linux-headers-$ibt_series-amd64"
      # shellcheck disable=SC2086 # a list of package names
      if ! install_packages $wanted; then
        for package in $wanted; do
          install_packages "$package" || say "could not install $package"
        done
      fi
    fi
    find_missing_packages
  fi
  missing=$wanted
  if [ -n "$missing" ]; then
    say "NOT INSTALLED:$missing"
  else
    kernels=$(installed_kernel "$kernel_series")
    if [ "$needs_tests" = yes ]; then kernels="$kernels and $(installed_kernel "$ibt_series")"; fi
    say "system packages are there; for building and booting: $kernels"
  fi
}

# Node >= 20.19 is the one thing that must be there before.
require_node() {
  if ! has_program node || ! has_program npm; then
    say 'Node.js is not installed; kptool needs version 20.19 or newer, with npm (https://nodejs.org)' >&2
    exit 2
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    say "Node.js $(node --version) is too old; kptool needs version 20.19 or newer" >&2
    exit 2
  fi
}

# The exact packages of package-lock.json; nothing is done where they are installed. A node_modules that is a link belongs to
# another checkout, perhaps to several: npm ci would empty the folder behind it.
install_node_packages() {
  if [ -L node_modules ]; then
    say 'node_modules is a link to another folder; its npm packages are taken as they are'
    return 0
  fi
  if [ -e node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ]; then
    say 'npm packages are there'
    return 0
  fi
  say 'installing npm packages (npm ci)'
  npm ci --no-audit --no-fund
}
