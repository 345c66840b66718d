/**
 * `kptool create-diff-object`: the comparison alone, in the place of kpatch's program of that name. It takes the same
 * operands and environment variables and leaves the same intermediate sections, so that other build tools can call it.
 */
import type { EntrySizeName, EntrySizes } from '../arch/arch.js';
import { fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { readImage } from '../elf/image.js';
import { writeElf } from '../elf/write.js';
import { parseSymvers } from '../kernel/symvers.js';
import { encodeIntermediate } from '../livepatch/encode-intermediate.js';
import type { LookupDecision } from '../lookup/explain-lookup.js';
import { indexExports } from '../lookup/exports.js';
import { parseReadelfSymbols } from '../lookup/readelf-symbols.js';
import { type TargetTable, tableOfImage } from '../lookup/symbol-table.js';
import { isSystemMap, parseSystemMap } from '../lookup/system-map.js';
import { readInput, writeOutputAtomically } from '../system/files.js';
import { diffPair } from './diff-pair.js';

/** All paths are absolute. */
export interface CreateDiffObjectOptions {
  readonly original: string;
  readonly patched: string;
  /** `vmlinux` or the module's name: the klp object. */
  readonly parentName: string;
  /** What `readelf -s --wide` printed of the target, the target itself, or `System.map` for vmlinux. */
  readonly parentSymbols: string;
  readonly symvers: string;
  readonly output: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type CreateDiffObjectOutcome =
  | { readonly kind: 'unchanged'; readonly warnings: readonly Diagnostic[] }
  | {
      readonly kind: 'changed';
      readonly changedFunctions: readonly string[];
      readonly newFunctions: readonly string[];
      /** Functions that the author names as callbacks. */
      readonly callbacks: readonly string[];
      /** Which rule decided whose symbol each one is. */
      readonly lookups: readonly LookupDecision[];
      readonly warnings: readonly Diagnostic[];
    };

/**
 * Compares the two objects and writes the result, if there is one.
 * @throws KptoolError with the findings; `entry-size-invalid` for an environment variable that is no size
 */
export async function createDiffObject(options: CreateDiffObjectOptions): Promise<CreateDiffObjectOutcome> {
  const entrySizes = entrySizesIn(options.environment);
  const [original, patched, parentSymbols, symvers] = await Promise.all(
    [options.original, options.patched, options.parentSymbols, options.symvers].map(readInput),
  );
  if (original === undefined || patched === undefined || parentSymbols === undefined || symvers === undefined) {
    throw new RangeError('four files were asked for');
  }
  const target = options.parentName.replaceAll('-', '_');
  const outcome = diffPair({
    original,
    patched,
    objectName: options.original,
    target,
    table: readTable(parentSymbols, options.parentSymbols, target),
    exports: indexExports(parseSymvers(symvers.toString('utf8'), options.symvers)),
    entrySizes,
  });
  if (outcome.kind === 'unchanged') return outcome;
  const { diff, parts, lookups, warnings } = outcome;
  encodeIntermediate(diff.object, parts, diff.arch.absolute64);
  await writeOutputAtomically(options.output, writeElf(diff.object));
  return {
    kind: 'changed',
    changedFunctions: diff.changedFunctions.map(({ name }) => name),
    newFunctions: diff.newFunctions.map(({ name }) => name),
    callbacks: diff.callbacks.map(({ symbol }) => symbol.name),
    lookups,
    warnings,
  };
}

const elfMagic = [0x7f, 0x45, 0x4c, 0x46];

function readTable(bytes: Buffer, fileName: string, objectName: string): TargetTable {
  const isElf = elfMagic.every((byte, index) => bytes[index] === byte);
  if (isElf) return tableOfImage(readImage(bytes, fileName));
  const text = bytes.toString('utf8');
  return isSystemMap(text) ? parseSystemMap(text, fileName, objectName) : parseReadelfSymbols(text, fileName);
}

const sizeNames: readonly EntrySizeName[] = [
  'ALT_STRUCT_SIZE',
  'BUG_STRUCT_SIZE',
  'EX_STRUCT_SIZE',
  'FIXUP_STRUCT_SIZE',
  'JUMP_STRUCT_SIZE',
  'ORC_STRUCT_SIZE',
  'PARA_STRUCT_SIZE',
  'PRINTK_INDEX_STRUCT_SIZE',
  'STATIC_CALL_STRUCT_SIZE',
];

/** The variables that kpatch-build sets, in bytes. What is not set is not known; a table that needs it says so. */
function entrySizesIn(environment: Readonly<Record<string, string | undefined>>): EntrySizes {
  const sizes: { -readonly [Name in EntrySizeName]?: number } = {};
  for (const name of sizeNames) {
    const value = environment[name];
    if (value === undefined || value === '') continue;
    if (!/^[1-9]\d{0,3}$/.test(value)) fail('entry-size-invalid', { name, value });
    sizes[name] = Number(value);
  }
  return sizes;
}
