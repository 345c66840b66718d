/**
 * Gives every replacement a name of its own that C source can spell. The functions of a diffed object are local and two
 * objects may have one of the same name, so the generated module source could not refer to them otherwise. The names last
 * until `finish.ts` takes them out again.
 */
import { STB, STT } from '../elf/constants.js';
import { type ElfObject, ElfSymbol } from '../elf/object.js';
import type { ReplacedFunction } from './livepatch.js';

const ALIAS_PREFIX = 'kptool_replacement_';

/** A function to redirect, and the global symbol that names its replacement. */
export interface ExposedFunction {
  /** Name in the target. */
  readonly name: string;
  /** The klp object: `vmlinux` or the module's name. */
  readonly object: string;
  readonly sympos: number;
  /** The replacement's global name, unique within the livepatch. */
  readonly alias: string;
}

/**
 * Adds a global alias `kptool_replacement_<objectNumber>_<index>` for the replacement of each function to the diffed
 * object, which it changes. `objectNumber` must differ between the diffed objects of a livepatch; a path would not do,
 * since C names cannot tell `a-b.o` from `a_b.o`.
 */
export function exposeReplacements(
  object: ElfObject,
  functions: readonly ReplacedFunction[],
  objectNumber: number,
): ExposedFunction[] {
  return functions.map(({ name, object: klpObject, sympos, replacement }, index) => {
    const alias = `${ALIAS_PREFIX}${objectNumber}_${index}`;
    const { place, value, size, other } = replacement;
    object.symbols.push(new ElfSymbol({ name: alias, place, value, size, other, bind: STB.GLOBAL, type: STT.FUNC }));
    return { name, object: klpObject, sympos, alias };
  });
}

/** The symbol is one that `exposeReplacements` added. */
export function isReplacementAlias(symbol: ElfSymbol): boolean {
  return symbol.name.startsWith(ALIAS_PREFIX) && symbol.bind === STB.GLOBAL;
}
