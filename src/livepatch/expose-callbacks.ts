/**
 * Gives every callback of the author's a global name that the generated module source can spell, like
 * `expose-replacements.ts` does for replacements. `finish.ts` takes the names out again.
 */
import type { CallbackKind } from '../diff/callbacks.js';
import { STB, STT } from '../elf/constants.js';
import { type ElfObject, ElfSymbol } from '../elf/object.js';
import type { LivepatchCallback } from './livepatch.js';

const ALIAS_PREFIX = 'kptool_callback_';

/** A callback, and the global symbol that names its function. */
export interface ExposedCallback {
  readonly kind: CallbackKind;
  /** The klp object: `vmlinux` or the module's name. */
  readonly object: string;
  /** The function's own name, for messages. */
  readonly name: string;
  /** The function's global name, unique within the livepatch. */
  readonly alias: string;
}

/**
 * Adds a global alias `kptool_callback_<objectNumber>_<index>` for each callback to the diffed object, which it changes.
 * `objectNumber` must differ between the diffed objects of a livepatch.
 */
export function exposeCallbacks(
  object: ElfObject,
  callbacks: readonly LivepatchCallback[],
  objectNumber: number,
): ExposedCallback[] {
  return callbacks.map(({ kind, object: klpObject, symbol }, index) => {
    const alias = `${ALIAS_PREFIX}${objectNumber}_${index}`;
    const { place, value, size, other } = symbol;
    object.symbols.push(new ElfSymbol({ name: alias, place, value, size, other, bind: STB.GLOBAL, type: STT.FUNC }));
    return { kind, object: klpObject, name: symbol.name, alias };
  });
}

/** The symbol is one that `exposeCallbacks` added. */
export function isCallbackAlias(symbol: ElfSymbol): boolean {
  return symbol.name.startsWith(ALIAS_PREFIX) && symbol.bind === STB.GLOBAL;
}
