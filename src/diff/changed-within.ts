/**
 * Which functions and variables of a section that many share (`.init.text`) the patch changes. Serves messages: what cannot be
 * changed is named by its function, not by the section that it stands in.
 */
import type { Instruction } from '../arch/arch.js';
import { SHF, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { canonicalName } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import { referenceText } from './reference-text.js';

interface PreparedPair {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
}

/**
 * Names of what differs, in the order of the symbol table. Where nothing that has a name does: of the functions that use the
 * section.
 */
export function changedWithin(section: ElfSection, pair: PreparedPair): string[] {
  const changed = changedParts(section, pair.correlation.sections.originalOf(section), pair);
  return changed.length > 0 ? changed : usersOf(section, pair.patched);
}

/** What differs or is new; where nothing does, what is gone. */
function changedParts(section: ElfSection, twin: ElfSection | undefined, pair: PreparedPair): string[] {
  const { original, patched, correlation } = pair;
  // `init_module` is another name for the module's own init function; the first one is the author's.
  const changed = new Map<number, string>();
  for (const symbol of namedIn(patched, section)) {
    if (changed.has(symbol.value)) continue;
    const before = correlation.symbols.originalOf(symbol);
    const isSame =
      before !== undefined && before.section === twin && partText(original, before) === partText(patched, symbol);
    if (!isSame) changed.set(symbol.value, symbol.name);
  }
  if (changed.size > 0 || twin === undefined) return [...changed.values()];
  return namedIn(original, twin)
    .filter((symbol) => correlation.symbols.patchedOf(symbol) === undefined)
    .map(({ name }) => name);
}

/**
 * The two sections hold the same functions, in another order: the compiler orders them by who calls whom. `false` also
 * where there is code that has no name, since nothing is known of it.
 */
export function isOnlyReordered(section: ElfSection, pair: PreparedPair): boolean {
  const twin = pair.correlation.sections.originalOf(section);
  if (twin === undefined || (section.flags & SHF.EXECINSTR) === 0) return false;
  const isAllNamed = holdsOnlyFunctions(pair.original, twin) && holdsOnlyFunctions(pair.patched, section);
  return isAllNamed && changedParts(section, twin, pair).length === 0;
}

function holdsOnlyFunctions(prepared: PreparedObject, section: ElfSection): boolean {
  const functions = namedIn(prepared, section);
  const words = { reference: () => '', place: () => '' };
  const rest = prepared.arch
    .instructions(section)
    ?.filter(({ offset }) => !functions.some(({ value, size }) => offset >= value && offset < value + size));
  return rest?.every((one) => padding.test(prepared.arch.instructionText(section, one, words))) === true;
}

/** What assemblers put between functions. */
const padding = /^(data16 )*(cs )?nop|^xchg %ax,%ax$|^int3$/;

function namedIn({ symbolsIn }: PreparedObject, section: ElfSection): ElfSymbol[] {
  const symbols = symbolsIn.get(section) ?? [];
  return symbols.filter(({ type }) => type === STT.FUNC || type === STT.OBJECT);
}

/**
 * A function or variable as text that does not depend on where in its section it stands: the instructions, jumps and calls
 * within the section by the name of what they reach; of data the bytes; and what all references mean.
 */
function partText(prepared: PreparedObject, symbol: ElfSymbol): string {
  const { section, value, size } = symbol;
  if (section === undefined) return '';
  const reference = (relocation: ElfSection['relocations'][number]) =>
    canonicalName(referenceText(prepared, section, relocation));
  const code = (section.flags & SHF.EXECINSTR) === 0 ? undefined : prepared.arch.instructions(section);
  const inside = (offset: number) => offset >= value && offset < value + size;
  const place = (offset: number) => placeText(prepared, section, symbol, offset);
  const words = (instruction: Instruction) => prepared.arch.instructionText(section, instruction, { reference, place });
  if (code !== undefined)
    return code
      .filter(({ offset }) => inside(offset))
      .map(words)
      .join('\n');
  const references = section.relocations.filter(({ offset }) => inside(offset));
  return [
    `${size}`,
    Buffer.from(section.content.subarray(value, value + size)).toString('hex'),
    ...references.map((relocation) => `${relocation.offset - value} ${relocation.type} ${reference(relocation)}`),
  ].join('\n');
}

/** The function that a jump reaches, or how far from the start of its own it stays. */
function placeText({ symbolsIn }: PreparedObject, section: ElfSection, from: ElfSymbol, offset: number): string {
  if (offset >= from.value && offset < from.value + from.size) return `+${offset - from.value}`;
  const reached = (symbolsIn.get(section) ?? []).find(
    ({ type, value, size }) => type === STT.FUNC && offset >= value && offset < value + size,
  );
  return reached === undefined ? `${offset}` : `${canonicalName(reached.name)}+${offset - reached.value}`;
}

/** Functions that refer to a section without names of its own. */
function usersOf(section: ElfSection, patched: PreparedObject): string[] {
  const users = new Set<string>();
  for (const user of patched.object.sections) {
    if ((user.flags & SHF.EXECINSTR) === 0) continue;
    for (const { symbol, offset } of user.relocations) {
      if (symbol.section !== section) continue;
      const owner = namedIn(patched, user).find(({ value, size }) => offset >= value && offset < value + size);
      if (owner !== undefined) users.add(owner.name);
    }
  }
  return [...users];
}
