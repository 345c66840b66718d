/**
 * Says no to included code and data that would not work in a livepatch wherever it is loaded: relocations that leave
 * their section, and constants that the kernel writes into its own code while it boots.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';
import type { Inclusion } from './include.js';
import type { PreparedObject } from './prepare.js';
import { targetOffset } from './section-references.js';
import type { RebuiltTable } from './special-tables.js';
import { returnOf } from './split-parts.js';

export interface IncludedInput {
  readonly patched: PreparedObject;
  readonly inclusion: Inclusion;
  readonly tables: ReadonlyMap<ElfSection, RebuiltTable>;
}

/** @returns `relocation-outside`, `runtime-constant`, `split-part-returns` (a warning) */
export function checkIncluded(input: IncludedInput): Diagnostic[] {
  const included = input.patched.object.sections.filter((section) => input.inclusion.sections.has(section));
  return [
    ...included.flatMap((section) => checkRelocations(section, input)),
    ...checkRuntimeConstants(input),
    ...checkPartsLeftBehind(input),
  ];
}

/**
 * An unchanged `foo.cold` stays with the target, as it does with kpatch. Where it jumps back it goes on in the original
 * `foo`, so that the change behind that point is missed on this way.
 */
function checkPartsLeftBehind({ patched, inclusion }: IncludedInput): Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const [part, parent] of patched.parentOf) {
    if (part.section === undefined || inclusion.sections.has(part.section)) continue;
    if (parent.section === undefined || !inclusion.sections.has(parent.section)) continue;
    if (patched.arch.traceOffset(part) !== undefined) continue;
    const offset = returnOf(part, parent);
    if (offset === undefined) continue;
    findings.push(diagnose('split-part-returns', { part: part.name, parent: parent.name, offset }));
  }
  return findings;
}

/**
 * Nothing but a damaged object or a bug of a tool has these; the module loader would write to, or point at, whatever lies
 * behind the section. A reference to the very end is the `table + N` of a loop. One in front of the start is the bias of
 * an index that begins at one.
 */
function checkRelocations(section: ElfSection, { patched, inclusion, tables }: IncludedInput): Diagnostic[] {
  const rebuilt = tables.get(section);
  const size = rebuilt?.content.length ?? section.size;
  return (rebuilt?.relocations ?? section.relocations)
    .filter((relocation) => {
      if (relocation.offset < 0 || relocation.offset >= size) return true;
      const target = relocation.symbol.section;
      // Tables have been made smaller; who refers into them was moved along.
      if (target === undefined || !inclusion.sections.has(target) || tables.has(target)) return false;
      const offset = rebuilt === undefined ? targetOffset(patched, section, relocation) : undefined;
      return offset !== undefined && offset > target.size;
    })
    .map((relocation) =>
      diagnose('relocation-outside', { ...placeOf(patched, section, relocation.offset), symbol: nameOf(relocation) }),
    );
}

function nameOf({ symbol }: Relocation): string {
  return symbol.type === STT.SECTION ? (symbol.section?.name ?? '') : symbol.name;
}

/** The function or variable at an offset of the section, in bytes, and how far into it. */
export function placeOf(
  patched: PreparedObject,
  section: ElfSection,
  offset: number,
): { owner: string; offset: number } {
  const own = patched.ownSymbol.get(section);
  const owner =
    own ??
    (patched.symbolsIn.get(section) ?? []).find(
      ({ type, value, size }) => type !== STT.SECTION && offset >= value && offset < value + size,
    );
  return owner === undefined ? { owner: section.name, offset } : { owner: owner.name, offset: offset - owner.value };
}

/**
 * `runtime_const_ptr()` and `runtime_const_shift_right_32()` (include/asm-generic/runtime-const.h, Linux 6.11) compile to
 * an instruction with a dummy operand and an entry here that says where it is. The kernel fills its own in at boot, and
 * nobody does so for a module.
 */
const runtimeConstants = /^runtime_(?:ptr|shift)_(.+)$/;

function checkRuntimeConstants({ patched, inclusion }: IncludedInput): Diagnostic[] {
  return patched.object.sections.flatMap((table) => {
    const constant = runtimeConstants.exec(table.name)?.[1];
    if (constant === undefined) return [];
    return table.relocations
      .filter(({ symbol }) => symbol.section !== undefined && inclusion.sections.has(symbol.section))
      .map((relocation) => {
        const { symbol } = relocation;
        const target = targetOffset(patched, table, relocation) ?? symbol.value;
        const place = symbol.section && placeOf(patched, symbol.section, target);
        const { owner, offset } = place ?? { owner: symbol.name, offset: 0 };
        return diagnose('runtime-constant', { functionName: owner, offset, constant });
      });
  });
}

/** The places of runtime constants move with any code; what the code of them changes is seen there. */
export function isRuntimeConstantTable({ name }: ElfSection): boolean {
  return runtimeConstants.test(name);
}
