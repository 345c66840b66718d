/**
 * What to type to install what is missing: package names by family of distributions. A name that is not known here is not
 * guessed: the caller says the program's own name then.
 */
import { arch } from 'node:os';
import { type Family, thisDistribution } from './distribution.js';

/** How each family installs packages, as root. */
const installers: Readonly<Record<Family, string>> = {
  debian: 'apt-get install',
  fedora: 'dnf install',
  suse: 'zypper install',
  arch: 'pacman -S',
};

/** The same where a package is there and has lost files. */
const reinstallers: Readonly<Record<Family, string>> = {
  debian: 'apt-get install --reinstall',
  fedora: 'dnf reinstall',
  suse: 'zypper install --force',
  arch: 'pacman -S',
};

/** The package that has a program: one name for all families, or one each. */
type PackageNames = string | Readonly<Partial<Record<Family, string>>>;

const packages: Readonly<Record<string, PackageNames>> = {
  as: 'binutils',
  awk: 'gawk',
  bc: 'bc',
  bison: 'bison',
  busybox: { debian: 'busybox-static', fedora: 'busybox', suse: 'busybox-static', arch: 'busybox' },
  cc: 'gcc',
  clang: 'clang',
  cpio: 'cpio',
  flex: 'flex',
  flock: 'util-linux',
  gcc: 'gcc',
  git: 'git',
  gzip: 'gzip',
  ld: 'binutils',
  'ld.lld': 'lld',
  make: 'make',
  modinfo: 'kmod',
  nm: 'binutils',
  objcopy: 'binutils',
  objdump: 'binutils',
  pahole: { debian: 'pahole', fedora: 'dwarves', suse: 'dwarves', arch: 'pahole' },
  patch: 'patch',
  perl: 'perl',
  python3: { debian: 'python3', fedora: 'python3', suse: 'python3', arch: 'python' },
  'qemu-system-x86_64': {
    debian: 'qemu-system-x86',
    fedora: 'qemu-system-x86-core',
    suse: 'qemu-x86',
    arch: 'qemu-system-x86',
  },
  readelf: 'binutils',
  strip: 'binutils',
  tar: 'tar',
  xz: { debian: 'xz-utils', fedora: 'xz', suse: 'xz', arch: 'xz' },
  zstd: 'zstd',
};

/** As `uname -m` says it, by what Node says. */
const machineNames: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ppc64: 'powerpc64le' };

/**
 * The package to install for `program`, also for versioned (`gcc-12`) and cross (`aarch64-linux-gnu-gcc-12`) names, which
 * are Debian's; the compiler for this machine itself has both. `undefined` where it is not known.
 */
export function packageOf(program: string, family: Family | undefined): string | undefined {
  if (family === undefined || program.includes('/')) return undefined;
  const cross = /^(?<machine>[a-z0-9_]+)-linux-(?<abi>gnu[a-z0-9]*)-(?<tool>.+)$/.exec(program)?.groups;
  if (cross === undefined) return nativePackage(program, family);
  const { machine = '', abi, tool = '' } = cross;
  if (machine === machineNames[arch()]) return nativePackage(tool, family);
  if (family !== 'debian') return undefined;
  const target = `${machine.replaceAll('_', '-')}-linux-${abi}`;
  return packages[tool] === 'binutils' ? `binutils-${target}` : `${tool}-${target}`;
}

function nativePackage(program: string, family: Family): string | undefined {
  const versioned = /^(?<name>gcc|clang|lld)-(?<major>\d+)$/.exec(program)?.groups;
  if (versioned !== undefined) return versionedCompiler(versioned.name ?? '', versioned.major ?? '', family);
  const names = packages[program];
  return typeof names === 'string' ? names : names?.[family];
}

/** Debian `gcc-12`, SUSE `gcc12`; Fedora has older ones of clang only (`clang18`), Arch the newest of each. */
function versionedCompiler(name: string, major: string, family: Family): string | undefined {
  if (family === 'debian') return `${name}-${major}`;
  if (family === 'suse' || (family === 'fedora' && name !== 'gcc')) return `${name}${major}`;
  return undefined;
}

/** What modules of a kernel are built against. */
export type KernelPart = 'headers' | 'source';

/**
 * The package with a part of a kernel, by its release. Fedora's and Debian's names hold the whole release; SUSE's and
 * Arch's only its flavour (`-default`, `-lts`), of the version that is current. `undefined` where it is not known.
 */
export function kernelPackage(part: KernelPart, release: string, family: Family | undefined): string | undefined {
  const flavour = /-([a-z][a-z_]*)$/.exec(release)?.[1];
  switch (family) {
    case 'debian': {
      const series = /^\d+\.\d+/.exec(release)?.[0];
      if (part === 'headers') return `linux-headers-${release}`;
      return series === undefined ? undefined : `linux-source-${series}`;
    }
    case 'fedora':
      return part === 'headers' ? `kernel-devel-${release}` : undefined;
    case 'suse':
      return part === 'headers' ? `kernel-${flavour ?? 'default'}-devel` : 'kernel-source';
    case 'arch':
      return part === 'headers' ? `linux-${flavour === undefined ? '' : `${flavour}-`}headers` : undefined;
    case undefined:
      return undefined;
  }
}

/** `apt-get install make patch`: what to type for these packages; `undefined` for none, and for an unknown family. */
export function installCommand(names: readonly (string | undefined)[], family: Family | undefined): string | undefined {
  const known = [...new Set(names.filter((name) => name !== undefined))];
  return family === undefined || known.length === 0 ? undefined : `${installers[family]} ${known.join(' ')}`;
}

/** Several such commands as few: what one program installs is installed at once, in the order in which it was named. */
export function joinedCommands(commands: readonly string[], { family } = thisDistribution()): string[] {
  if (family === undefined) return [...new Set(commands)];
  const installer = `${installers[family]} `;
  const isPlain = (command: string) => command.startsWith(installer) && !command.includes(' --');
  const names = commands.filter(isPlain).flatMap((command) => command.slice(installer.length).split(' '));
  const joined = installCommand(names, family);
  const rest = commands.filter((command) => !isPlain(command));
  return [...(joined === undefined ? [] : [joined]), ...new Set(rest)];
}

/** What to type on this machine for a program; `undefined` where that is not known. Throws nothing. */
export function howToInstall(program: string, { family } = thisDistribution()): string | undefined {
  return installCommand([packageOf(program, family)], family);
}

/** What to type on this machine for a part of a kernel; `undefined` where that is not known. Throws nothing. */
export function howToInstallKernel(
  part: KernelPart,
  release: string,
  { family } = thisDistribution(),
): string | undefined {
  return installCommand([kernelPackage(part, release, family)], family);
}

/**
 * What to type on this machine where headers lack files: the packages that are known to have them, and that of the headers
 * for those of which nothing is known.
 */
export function howToReinstallKernel(
  release: string,
  missing: readonly { readonly package: string | undefined }[],
  { family } = thisDistribution(),
): string | undefined {
  const own = kernelPackage('headers', release, family);
  const names = [...new Set(missing.map((part) => part.package ?? own))].filter((name) => name !== undefined);
  return family === undefined || names.length === 0 ? undefined : `${reinstallers[family]} ${names.join(' ')}`;
}
