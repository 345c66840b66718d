/** What the kernel tier needs of the machine, and which kernel it takes. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { missingForBoot } from '../boot/boot.js';
import { type InstalledKernel, newestKernel } from '../boot/kernels.js';

/** The kernel of Debian 12, and its newer one, which is built for indirect branch tracking. */
export const kernelSeries = ['6.1', '6.12'] as const;

export type KernelSeries = (typeof kernelSeries)[number];

/** As Debian names the packages of each, `linux-image-6.12-amd64`. */
const packageInfix: Readonly<Record<KernelSeries, string>> = { '6.1': '', '6.12': '6.12-' };

export interface TestKernel extends InstalledKernel {
  readonly series: KernelSeries;
  readonly buildDirectory: string;
}

export type FoundKernel = { kernel: TestKernel; missing: [] } | { kernel: undefined; missing: string[] };

/** The kernel to build for and to boot, or what has to be installed first, by the names of Debian's packages. */
export function findTestKernel(series: KernelSeries = '6.1'): FoundKernel {
  const kernel = newestKernel(series);
  const programs = { gcc: 'gcc', make: 'make', patch: 'patch', strip: 'binutils' };
  const missing = missingForBoot();
  for (const [program, debianPackage] of Object.entries(programs))
    if (!isInstalled(program)) missing.push(debianPackage);
  if (kernel === undefined) missing.push(`linux-image-${packageInfix[series]}amd64 (a ${series} kernel)`);
  const buildDirectory = kernel?.buildDirectory;
  if (buildDirectory === undefined) {
    missing.push(`linux-headers-${kernel?.release ?? `${packageInfix[series]}amd64`}`);
  }
  if (kernel === undefined || buildDirectory === undefined || missing.length > 0) return { kernel: undefined, missing };
  return { kernel: { ...kernel, series, buildDirectory }, missing: [] };
}

/** What preparing a kernel's source needs and this machine lacks. */
export function missingForPreparing(): string[] {
  const programs = ['flex', 'bison', 'bc'].filter((program) => !isInstalled(program));
  const headers = { '/usr/include/libelf.h': 'libelf-dev', '/usr/include/openssl/ssl.h': 'libssl-dev' };
  const packages = Object.entries(headers).filter(([file]) => !existsSync(file));
  return [...programs, ...packages.map(([, name]) => name)];
}

/** Set by scripts/test once everything was installed: nothing of the tier may be skipped then. */
export const isRequired = process.env.KPTOOL_REQUIRE_KERNEL === '1';

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, program)));
}
