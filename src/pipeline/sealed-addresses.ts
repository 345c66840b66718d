/** Whether the livepatch may call through a pointer what it takes the address of. Only kernels with IBT object to any. */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { groupBy } from '../elf/grouped.js';
import { tracksIndirectBranches } from '../kernel/livepatch-options.js';
import type { ModuleFile } from '../kernel/module-file.js';
import type { TargetKernel } from '../kernel/resolve.js';
import { type SealList, sealsOfModule } from '../kernel/sealed-functions.js';
import { type AddressTaken, addressesTaken } from '../livepatch/addresses-taken.js';
import type { Contribution } from './compare-objects.js';
import type { TargetModule } from './target-modules.js';

export interface SealQuestion {
  readonly kernel: Pick<TargetKernel, 'config'>;
  readonly contributions: readonly Pick<Contribution, 'diff' | 'parts'>[];
  readonly targets: readonly (Pick<TargetModule, 'name' | 'wasSeen'> & {
    readonly module: Pick<ModuleFile, 'image'>;
  })[];
  /** What the kernel seals of itself; `undefined` where that cannot be had. Asked only where a pointer goes there. */
  readonly findKernelSeals: () => Promise<SealList | undefined>;
}

/**
 * @returns `sealed-address-taken` for each function that the target has sealed, and `seals-unknown` (a warning) for each
 *   klp object whose functions the livepatch points to and whose list of sealed ones cannot be had
 */
export async function findSealedAddresses({ kernel, contributions, targets, findKernelSeals }: SealQuestion) {
  const findings: Diagnostic[] = [];
  if (!tracksIndirectBranches(kernel.config)) return findings;
  const taken = contributions.flatMap(({ diff, parts }) => addressesTaken(diff, parts.relocations));
  for (const [object, places] of groupBy(taken, ({ target }) => target.object)) {
    const seals = await sealsOf(object);
    const functions = [...groupBy(places, ({ target }) => target.name)];
    if (seals === undefined) {
      findings.push(diagnose('seals-unknown', { object, functions: functions.map(([name]) => name).sort() }));
      continue;
    }
    for (const [name, users] of functions) {
      const sealed = users.filter(({ target }) => seals.has(target));
      if (sealed.length === 0) continue;
      findings.push(diagnose('sealed-address-taken', { functionName: name, object, users: sealed.map(placeOf) }));
    }
  }
  return findings;

  /** A module that was built just now, object by object, has no list; the one that runs has another. */
  async function sealsOf(object: string): Promise<SealList | undefined> {
    if (object === 'vmlinux') return findKernelSeals();
    const found = targets.find(({ name }) => name === object);
    return found?.wasSeen === true ? sealsOfModule(found.module.image) : undefined;
  }
}

function placeOf({ owner, offset }: AddressTaken): string {
  return `${owner}+0x${offset.toString(16)}`;
}
