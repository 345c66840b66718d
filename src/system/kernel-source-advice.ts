/** How to come by the source that a distribution built a kernel from, where kptool does not fetch it itself. */
import type { Family } from './distribution.js';

/** What to type, in order, and what to name then; `%r` stands for the release. */
const steps: Readonly<Record<Family, readonly string[]>> = {
  debian: [
    'every version that there was: https://snapshot.debian.org/package/linux/ and https://launchpad.net/ubuntu/+source/linux',
    'unpack the package with dpkg-deb --extract FILE.deb DIR, and name usr/src/linux-source-….tar.xz in it with --source-archive',
  ],
  fedora: [
    'dnf download --source kernel-core-%r',
    'rpmbuild -rp --nodeps kernel-*.src.rpm, which unpacks and patches it',
    'name the folder linux-… below ~/rpmbuild/BUILD with --sourcedir',
  ],
  suse: ['zypper install kernel-source, which is found by itself in /usr/src where its version is that of the kernel'],
  arch: [
    'pkgctl repo clone linux, in the version of the kernel (for other flavours linux-lts and so on)',
    'makepkg --nobuild in it, which unpacks and patches it',
    'name the folder in src/ with --sourcedir',
  ],
};

const anyFamily = ['get the source that the kernel was built from, with the patches of whoever built it'];

/** A line a step, for the kernel `release`. Throws nothing. */
export function sourceAdvice(release: string, family: Family | undefined): string[] {
  const known = family === undefined ? anyFamily : steps[family];
  return known.map((step) => step.replaceAll('%r', release));
}
