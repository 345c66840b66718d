/** How a target module is named on the screen, by builds and checks alike. */
import type { ModuleReport } from '../pipeline/options.js';
import { visible } from './wrap.js';

/** A module or the kernel, what the livepatch has to do with it, and where it was read from. */
export function renderModule(relation: 'patches' | 'uses' | 'sees', module: ModuleReport): string {
  const file = module.file === undefined ? '' : ` ${visible(module.file)}`;
  // The kernel is no module, and no module can have its name.
  const what = module.name === 'vmlinux' ? 'vmlinux' : `module ${visible(module.name)}`;
  return `  ${relation} ${what}:${file} (${visible(module.chosenBy)})`;
}
