/** What the kernel that runs on this machine says of loading modules; only this machine's, whatever kernel is chosen. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

export interface RunningKernel {
  /** It has the livepatch core; a kernel in a container or a virtual machine may hide /sys and so seem not to. */
  readonly hasLivepatching: boolean;
  /** `undefined` where the kernel has no lockdown, or does not show it. */
  readonly lockdown: 'none' | 'integrity' | 'confidentiality' | undefined;
  /** Modules without a signature are refused (`module.sig_enforce`); `undefined` where it does not say. */
  readonly enforcesSignatures: boolean | undefined;
  /** `undefined` on a machine that was not booted by UEFI. */
  readonly secureBoot: boolean | undefined;
}

/** The variable of the UEFI specification ("Globally Defined Variables"), by the name that efivarfs gives it. */
const secureBootFile = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Reads /sys below `root`, which is `/` unless a test says otherwise. Throws nothing: what cannot be read is not known. */
export async function readRunningKernel(root = '/'): Promise<RunningKernel> {
  const read = (file: string) => readFile(path.join(root, file)).catch(() => undefined);
  const [lockdown, enforced, secureBoot, livepatch] = await Promise.all([
    read('sys/kernel/security/lockdown'),
    read('sys/module/module/parameters/sig_enforce'),
    read(secureBootFile),
    stat(path.join(root, 'sys/kernel/livepatch')).catch(() => undefined),
  ]);
  const modes = ['none', 'integrity', 'confidentiality'] as const;
  const chosen = /\[(\w+)\]/.exec(lockdown?.toString() ?? '')?.[1];
  return {
    hasLivepatching: livepatch !== undefined,
    lockdown: modes.find((mode) => mode === chosen),
    enforcesSignatures: enforced === undefined ? undefined : enforced.toString().trim() === 'Y',
    // Four bytes of attributes come first (Documentation/filesystems/efivarfs.rst).
    secureBoot: secureBoot === undefined ? undefined : secureBoot[4] === 1,
  };
}

/** It refuses modules that are not signed: lockdown does from `integrity` on (security/lockdown, LOCKDOWN_MODULE_SIGNATURE). */
export function refusesUnsigned({ lockdown, enforcesSignatures }: RunningKernel): boolean {
  return enforcesSignatures === true || lockdown === 'integrity' || lockdown === 'confidentiality';
}
