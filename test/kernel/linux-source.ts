/**
 * The kernel's source as the distribution packages it, for modules that it ships. The archive has 138 MB and takes a quarter
 * of a minute to read, so the folders that are wanted are unpacked once, into `.build/`.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, execaSync } from 'execa';
import type { TestKernel } from './requirements.js';

const cache = fileURLToPath(new URL('../../.build/', import.meta.url));
const packageOf = ({ series }: TestKernel) => `linux-source-${series}`;
const archiveOf = (kernel: TestKernel) => `/usr/src/${packageOf(kernel)}.tar.xz`;

/** Which version the installed source package has; `undefined` where it is not installed. */
function sourceVersion(kernel: TestKernel): string | undefined {
  if (!existsSync(archiveOf(kernel))) return undefined;
  const packageName = packageOf(kernel);
  const { stdout, failed } = execaSync('dpkg-query', ['-W', '-f', '$' + '{Version}', packageName], { reject: false });
  return failed ? undefined : stdout;
}

/**
 * What has to be installed before source and kernel are of one version; empty when they are. The source of another
 * version may well give a livepatch that loads, and lays out a structure in another way than the module does.
 */
export async function missingForSource(kernel: TestKernel): Promise<string[]> {
  const wanted = await imageVersion(kernel.image);
  const found = sourceVersion(kernel);
  if (found !== undefined && found === wanted) return [];
  return [
    `${packageOf(kernel)} of version ${wanted ?? 'unknown'}${found === undefined ? '' : ` (${found} is installed)`}`,
  ];
}

/**
 * The Debian version of a boot image, `6.1.192-2`, from the text that the boot loader may show: at 0x20e of the image
 * stands its offset, less 0x200 (Documentation/x86/boot.rst, kernel_version).
 */
async function imageVersion(image: string): Promise<string | undefined> {
  const bytes = await readFile(image);
  const start = bytes.readUInt16LE(0x20e) + 0x200;
  const text = bytes.toString('latin1', start, start + 256).split('\0')[0] ?? '';
  return /\bDebian (\S+)/.exec(text)?.[1];
}

/** A folder of the kernel's source (`drivers/infiniband/core`), unpacked; it must not be written to. */
export async function kernelSourceFolder(kernel: TestKernel, folder: string): Promise<string> {
  const packageName = packageOf(kernel);
  const place = path.join(cache, `${packageName}-${sourceVersion(kernel)}`, folder.replaceAll('/', '-'));
  if (!existsSync(place)) {
    await mkdir(path.dirname(place), { recursive: true });
    const unpacked = await mkdtemp(`${place}.`);
    await execa('tar', ['-xJf', archiveOf(kernel), '-C', unpacked, `${packageName}/${folder}`]);
    await rename(path.join(unpacked, packageName, folder), place);
    await rm(unpacked, { recursive: true });
  }
  return place;
}
