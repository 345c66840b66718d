/** What the kernel tier needs of the machine, and which kernel it takes. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { missingForBoot } from '../boot/boot.js';
import { type InstalledKernel, newestKernel } from '../boot/kernels.js';

/** The long-term series of Debian 12. */
export const kernelSeries = '6.1';

export type TestKernel = InstalledKernel & { readonly buildDirectory: string };

/** The kernel to build for and to boot, or what has to be installed first, by the names of Debian's packages. */
export function findTestKernel(): { kernel: TestKernel; missing: [] } | { kernel: undefined; missing: string[] } {
  const kernel = newestKernel(kernelSeries);
  const programs = { gcc: 'gcc', make: 'make', patch: 'patch', strip: 'binutils' };
  const missing = missingForBoot();
  for (const [program, debianPackage] of Object.entries(programs))
    if (!isInstalled(program)) missing.push(debianPackage);
  if (kernel === undefined) missing.push(`linux-image-amd64 (a ${kernelSeries} kernel)`);
  const buildDirectory = kernel?.buildDirectory;
  if (buildDirectory === undefined) missing.push(`linux-headers-${kernel?.release ?? 'amd64'}`);
  if (kernel === undefined || buildDirectory === undefined || missing.length > 0) return { kernel: undefined, missing };
  return { kernel: { ...kernel, buildDirectory }, missing: [] };
}

/** Set by scripts/test once everything was installed: nothing of the tier may be skipped then. */
export const isRequired = process.env.KPTOOL_REQUIRE_KERNEL === '1';

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, program)));
}
