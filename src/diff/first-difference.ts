/**
 * Two versions of a function side by side, instruction by instruction, to find the place that tells a person most about
 * what became of it.
 */
import type { Arch, Instruction } from '../arch/arch.js';
import { hexText } from '../arch/hex-text.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import { isMovedLine } from './line-numbers.js';
import type { PreparedObject } from './prepare.js';
import { referenceText } from './reference-text.js';

/** One side: a function, or a part that was split off, in a section of its own. */
export interface CodeSide {
  readonly prepared: PreparedObject;
  readonly symbol: ElfSymbol;
  readonly section: ElfSection;
}

export interface CodePair {
  readonly original: CodeSide;
  readonly patched: CodeSide;
}

/** Instructions that stand at the same step of both sides; `undefined` behind the end of a side. */
export interface Difference {
  readonly original: Instruction | undefined;
  readonly patched: Instruction | undefined;
  /** The instructions have the same bytes; these relocations are the first that do not mean the same. */
  readonly references:
    | { readonly original: Relocation | undefined; readonly patched: Relocation | undefined }
    | undefined;
}

/** The two relocations mean the same; they belong to the sections before them. */
export type IsReferenceSame = (
  originalSection: ElfSection,
  original: Relocation,
  patchedSection: ElfSection,
  patched: Relocation,
) => boolean;

/** The relocations of a section, taken in the order of the instructions that hold them. */
class RelocationCursor {
  readonly #sorted: readonly Relocation[];
  #next = 0;

  constructor({ relocations }: ElfSection) {
    this.#sorted = [...relocations].sort((a, b) => a.offset - b.offset);
  }

  /** Those before the end of the instruction that have not been taken. */
  take(instruction: Instruction): readonly Relocation[] {
    const first = this.#next;
    const end = instruction.offset + instruction.length;
    while ((this.#sorted[this.#next]?.offset ?? end) < end) this.#next++;
    return this.#sorted.slice(first, this.#next);
  }
}

/** Compares two functions step by step. */
export class CodeComparison {
  readonly #arch: Arch;
  readonly #isDecoded: boolean;
  readonly #original: readonly Instruction[];
  readonly #patched: readonly Instruction[];

  constructor(
    readonly pair: CodePair,
    readonly isReferenceSame: IsReferenceSame,
  ) {
    const { original, patched } = pair;
    this.#arch = patched.prepared.arch;
    const [before, after] = [this.#arch.instructions(original.section), this.#arch.instructions(patched.section)];
    this.#isDecoded = before !== undefined && after !== undefined;
    this.#original = this.#isDecoded && before ? before : pieces(original.section);
    this.#patched = this.#isDecoded && after ? after : pieces(patched.section);
  }

  /** All steps that differ. Behind an instruction that was added or taken away, nearly every step does. */
  *differences(): Generator<Difference> {
    const { original, patched } = this.pair;
    const [before, after] = [new RelocationCursor(original.section), new RelocationCursor(patched.section)];
    const steps = Math.max(this.#original.length, this.#patched.length);
    for (let step = 0; step < steps; step++) {
      const [first, second] = [this.#original[step], this.#patched[step]];
      if (first === undefined || second === undefined) {
        yield { original: first, patched: second, references: undefined };
        return;
      }
      const references = this.#differingReferences(first, before.take(first), second, after.take(second));
      const hasSameBytes = areBytesSame(original.section, first, patched.section, second);
      if (hasSameBytes && references === undefined) continue;
      yield { original: first, patched: second, references: hasSameBytes ? references : undefined };
    }
  }

  /**
   * The step that shows what changed. A jump over inserted code differs in its distance only, and long before what was
   * inserted; a line number moves with every line that is added above. Both count only where nothing else differs.
   */
  telling(): Difference | undefined {
    let incidental: Difference | undefined;
    for (const difference of this.differences()) {
      if (!this.#isIncidental(difference)) return difference;
      incidental ??= difference;
    }
    return incidental;
  }

  /** One side of a difference for people; `undefined` behind the end of that side. */
  text(side: 'original' | 'patched', difference: Difference): string | undefined {
    const { [side]: instruction } = difference;
    const { symbol } = this.pair[side];
    return instruction && this.#textOf(side, instruction, (offset) => placeText(symbol, offset));
  }

  #textOf(side: 'original' | 'patched', instruction: Instruction, place: (offset: number) => string): string {
    const { prepared, section } = this.pair[side];
    const words = { place, reference: (relocation: Relocation) => referenceText(prepared, section, relocation) };
    return this.#isDecoded
      ? this.#arch.instructionText(section, instruction, words)
      : hexText(1, 'little')(section, instruction, words);
  }

  #differingReferences(
    first: Instruction,
    before: readonly Relocation[],
    second: Instruction,
    after: readonly Relocation[],
  ): Difference['references'] {
    const { original, patched } = this.pair;
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      const [from, to] = [before[index], after[index]];
      const isSame =
        from !== undefined &&
        to !== undefined &&
        from.offset - first.offset === to.offset - second.offset &&
        this.isReferenceSame(original.section, from, patched.section, to);
      if (!isSame) return { original: from, patched: to };
    }
    return undefined;
  }

  /** The instruction loads a line number, and only that differs. */
  isMovedLine({ original: first, patched: second, references }: Difference): boolean {
    if (first === undefined || second === undefined || references !== undefined || !this.#isDecoded) return false;
    const { original, patched } = this.pair;
    const isAtOnePlace = first.offset === second.offset && first.length === second.length;
    const sides = { original: original.prepared, patched: patched.prepared };
    return isAtOnePlace && isMovedLine(original.section, patched.section, second, sides);
  }

  #isIncidental(difference: Difference): boolean {
    const { original: first, patched: second, references } = difference;
    if (first === undefined || second === undefined || references !== undefined || !this.#isDecoded) return false;
    if (this.isMovedLine(difference)) return true;
    let jumps = 0;
    const unplaced = () => {
      jumps++;
      return '';
    };
    const isSame = this.#textOf('original', first, unplaced) === this.#textOf('patched', second, unplaced);
    return isSame && jumps === 2;
  }
}

/** What stands in for instructions where the code of a side cannot be decoded. */
function pieces({ content }: ElfSection): Instruction[] {
  const length = 4;
  return Array.from({ length: Math.ceil(content.length / length) }, (_, index) => ({
    offset: index * length,
    length: Math.min(length, content.length - index * length),
  }));
}

function areBytesSame(original: ElfSection, first: Instruction, patched: ElfSection, second: Instruction): boolean {
  return (
    Buffer.compare(
      original.content.subarray(first.offset, first.offset + first.length),
      patched.content.subarray(second.offset, second.offset + second.length),
    ) === 0
  );
}

/** `foo+0x23`; a section offset in bytes before the function is its padding, `foo-0x10`. */
function placeText({ name, value }: ElfSymbol, offset: number): string {
  const distance = offset - value;
  return `${name}${distance < 0 ? '-' : '+'}0x${Math.abs(distance).toString(16)}`;
}
