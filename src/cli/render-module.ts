/** How a target module is named on the screen, by builds and checks alike. */
import type { ModuleReport } from '../pipeline/options.js';
import { visible } from './wrap.js';

/** A module, what the livepatch has to do with it, and where it was read from. */
export function renderModule(relation: 'patches' | 'uses' | 'sees', module: ModuleReport): string {
  const file = module.file === undefined ? '' : ` ${visible(module.file)}`;
  return `  ${relation} module ${visible(module.name)}:${file} (${visible(module.chosenBy)})`;
}
