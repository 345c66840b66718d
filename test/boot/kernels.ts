/**
 * Which kernels this machine could boot and build for. Several may be installed, and the links in / move with every
 * installation: a kernel is always chosen by its release.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** A kernel that can be booted. */
export interface InstalledKernel {
  readonly release: string;
  /** The boot image. */
  readonly image: string;
  /** The build tree for modules; `undefined` where the headers are not installed. */
  readonly buildDirectory: string | undefined;
}

/**
 * Orders two releases: below zero when `left` is older. Runs of digits compare as numbers, the rest as text, so that
 * 6.1.0-9-amd64 is older than 6.1.0-10-amd64, and 6.1.9 older than 6.12.0.
 */
export function compareReleases(left: string, right: string): number {
  const leftParts = left.match(/\d+|\D+/g) ?? [];
  const rightParts = right.match(/\d+|\D+/g) ?? [];
  for (const [index, part] of leftParts.entries()) {
    const other = rightParts[index];
    if (other === undefined) return 1;
    const difference = comparePart(part, other);
    if (difference !== 0) return difference;
  }
  return leftParts.length - rightParts.length;
}

function comparePart(left: string, right: string): number {
  const numbers = [left, right].map((part) => (/^\d/.test(part) ? Number(part) : Number.NaN));
  const [leftNumber = Number.NaN, rightNumber = Number.NaN] = numbers;
  if (!Number.isNaN(leftNumber) && !Number.isNaN(rightNumber)) return leftNumber - rightNumber;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Whether `release` belongs to `series`: 6.1.0-50-amd64 to 6.1, but 6.12.1 not to 6.1. */
export function isOfSeries(release: string, series: string): boolean {
  return release.startsWith(series) && !/^\d/.test(release.slice(series.length));
}

/**
 * The newest kernel of `series` ("6.1") that has an image in `root`/boot and modules in `root`/lib/modules, with its
 * build tree where there is one; `undefined` when there is none. `root` is `/` but for tests.
 */
export function newestKernel(series: string, root = '/'): InstalledKernel | undefined {
  const boot = path.join(root, 'boot');
  const images = existsSync(boot) ? readdirSync(boot).filter((name) => name.startsWith('vmlinuz-')) : [];
  const release = images
    .map((name) => name.slice('vmlinuz-'.length))
    .filter((candidate) => isOfSeries(candidate, series) && existsSync(path.join(root, 'lib/modules', candidate)))
    .sort(compareReleases)
    .at(-1);
  if (release === undefined) return undefined;
  const buildDirectory = path.join(root, 'lib/modules', release, 'build');
  return {
    release,
    image: path.join(boot, `vmlinuz-${release}`),
    buildDirectory: existsSync(path.join(buildDirectory, 'Makefile')) ? buildDirectory : undefined,
  };
}
