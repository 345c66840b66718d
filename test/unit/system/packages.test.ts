import { arch } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Family, parseDistribution } from '../../../src/system/distribution.js';
import {
  howToInstall,
  howToInstallKernel,
  howToReinstallKernel,
  installCommand,
  packageOf,
} from '../../../src/system/packages.js';

const all: readonly Family[] = ['debian', 'fedora', 'suse', 'arch'];
const distribution = (family: Family | undefined) => ({ name: '', family });

describe('the family is told by os-release', () => {
  test.each<[string, string, Family | undefined]>([
    ['Debian', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', 'debian'],
    ['Ubuntu', 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', 'debian'],
    ['Linux Mint', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'debian'],
    ['Fedora', 'ID=fedora\n', 'fedora'],
    ['Rocky', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'fedora'],
    ['Amazon Linux', "ID='amzn'\nID_LIKE='fedora'\n", 'fedora'],
    ['openEuler', 'ID="openEuler"\n', 'fedora'],
    ['openSUSE', 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'suse'],
    ['SLES', 'ID="sles"\nID_LIKE="suse"\n', 'suse'],
    ['Manjaro', 'ID=manjaro\nID_LIKE=arch\n', 'arch'],
    ['Alpine', 'ID=alpine\n', undefined],
    ['nothing', '', undefined],
    ['a name that every object has', 'ID=constructor\nID_LIKE=toString\n', undefined],
  ])('%s', (_, text, family) => {
    expect(parseDistribution(text).family).toBe(family);
  });

  test('its name is without quotes and backslashes', () => {
    expect(parseDistribution('NAME="A"\nPRETTY_NAME="My \\"own\\" Linux"\n').name).toBe('My "own" Linux');
    expect(parseDistribution('ID=tiny').name).toBe('tiny');
  });
});

describe('the package of a program', () => {
  test.each([
    ['make', ['make', 'make', 'make', 'make']],
    ['ld', ['binutils', 'binutils', 'binutils', 'binutils']],
    ['xz', ['xz-utils', 'xz', 'xz', 'xz']],
    ['gcc-12', ['gcc-12', undefined, 'gcc12', undefined]],
    ['clang-17', ['clang-17', 'clang17', 'clang17', undefined]],
    ['/opt/cross/gcc', [undefined, undefined, undefined, undefined]],
    ['build-my-driver', [undefined, undefined, undefined, undefined]],
    ['constructor', [undefined, undefined, undefined, undefined]],
    ['s390x-linux-gnu-gcc', ['gcc-s390x-linux-gnu', undefined, undefined, undefined]],
    ['s390x-linux-gnu-objcopy', ['binutils-s390x-linux-gnu', undefined, undefined, undefined]],
  ])('%s', (program, expected) => {
    expect(all.map((family) => packageOf(program, family))).toEqual(expected);
    expect(packageOf(program, undefined)).toBeUndefined();
  });

  test.runIf(arch() === 'x64')('the compiler for this machine by its long name is the ordinary one', () => {
    expect(packageOf('x86_64-linux-gnu-gcc-12', 'debian')).toBe('gcc-12');
    expect(packageOf('aarch64-linux-gnu-gcc-12', 'debian')).toBe('gcc-12-aarch64-linux-gnu');
  });
});

describe('what to type', () => {
  test.each<[Family | undefined, string | undefined]>([
    ['debian', 'apt-get install xz-utils'],
    ['fedora', 'dnf install xz'],
    ['suse', 'zypper install xz'],
    ['arch', 'pacman -S xz'],
    [undefined, undefined],
  ])('%s', (family, expected) => {
    expect(howToInstall('xz', distribution(family))).toBe(expected);
  });

  test('several packages, each once', () => {
    expect(installCommand(['binutils', undefined, 'make', 'binutils'], 'arch')).toBe('pacman -S binutils make');
    expect(installCommand([undefined], 'arch')).toBeUndefined();
  });

  test.each<[Family | undefined, string, string | undefined, string | undefined]>([
    ['debian', '6.1.0-56-amd64', 'apt-get install linux-headers-6.1.0-56-amd64', 'apt-get install linux-source-6.1'],
    ['fedora', '5.14.0-427.el9.x86_64', 'dnf install kernel-devel-5.14.0-427.el9.x86_64', undefined],
    ['suse', '6.4.0-150600.23.7-default', 'zypper install kernel-default-devel', 'zypper install kernel-source'],
    ['arch', '6.9.7-arch1-1', 'pacman -S linux-headers', undefined],
    ['arch', '6.6.36-1-lts', 'pacman -S linux-lts-headers', undefined],
    [undefined, '6.1.0', undefined, undefined],
  ])('the kernel of %s: %s', (family, release, headers, source) => {
    expect(howToInstallKernel('headers', release, distribution(family))).toBe(headers);
    expect(howToInstallKernel('source', release, distribution(family))).toBe(source);
  });

  test.each<[Family | undefined, string | undefined]>([
    ['debian', 'apt-get install --reinstall linux-kbuild-6.1 linux-headers-6.1.0-56-amd64'],
    ['fedora', 'dnf reinstall linux-kbuild-6.1 kernel-devel-6.1.0-56-amd64'],
    [undefined, undefined],
  ])('headers that lack files, on %s', (family, expected) => {
    const missing = [{ package: 'linux-kbuild-6.1' }, { package: undefined }, { package: 'linux-kbuild-6.1' }];
    expect(howToReinstallKernel('6.1.0-56-amd64', missing, distribution(family))).toBe(expected);
  });
});
