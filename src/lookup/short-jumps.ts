/**
 * Equal code whose jumps have other lengths: `jmp cm_send` takes five bytes where `cm_send` has a section of its own, and
 * two in the target, where it stands near by in the same section. For `compare-code.ts`.
 */
import type { Arch, DirectJump, Instruction, JumpRules } from '../arch/arch.js';
import { ElfSection, type Relocation } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import type { Reference } from './code-index.js';
import { firstDifference, mayBeSame, type Pair, referenceOf, type Stretch } from './compare-stretch.js';

/**
 * Goes through both functions instruction by instruction. Behind a jump that became shorter all moves, padding shrinks or
 * grows, and jumps across it are shorter too; what jumps within the function must lead to equal instructions. False also
 * where no jump out of the function became shorter, since then nothing else may be missing or added either.
 */
export function isSameButForShortJumps(pair: Pair): boolean {
  const { jumps: rules } = pair.arch;
  const own = decode(pair.own, pair.arch);
  const other = decode(pair.other, pair.arch);
  return rules !== undefined && own !== undefined && other !== undefined && new Walk(pair, own, other, rules).isSame();
}

interface Code {
  readonly stretch: Stretch;
  /** The function's bytes only, so that offsets count from its start. */
  readonly section: ElfSection;
  readonly instructions: readonly Instruction[];
}

function decode(stretch: Stretch, arch: Arch): Code | undefined {
  const { name, type, flags, content } = stretch.section;
  const section = new ElfSection({ name, type, flags, content: content.subarray(stretch.start, stretch.end) });
  const instructions = arch.instructions(section);
  return instructions && { stretch, section, instructions };
}

class Walk {
  /** Offsets of equal instructions, ours and theirs. */
  readonly #twins = new Map<number, number>();
  /** Where jumps within the function lead. */
  readonly #targets: { readonly own: number; readonly other: number }[] = [];
  #hasShorterJump = false;

  constructor(
    readonly pair: Pair,
    readonly own: Code,
    readonly other: Code,
    readonly rules: JumpRules,
  ) {}

  isSame(): boolean {
    let [at, otherAt] = [0, 0];
    for (;;) {
      const [one, another] = [this.own.instructions[at], this.other.instructions[otherAt]];
      if (one === undefined && (another === undefined || this.pair.other.index.isOpenEnded)) break;
      if (one !== undefined && another !== undefined && this.#areEqual(one, another)) {
        this.#twins.set(one.offset, another.offset);
        at += 1;
        otherAt += 1;
      } else if (one !== undefined && this.#isPadding(this.own, one)) at += 1;
      else if (another !== undefined && this.#isPadding(this.other, another)) otherAt += 1;
      else return false;
    }
    return this.#hasShorterJump && this.#targets.every(({ own, other }) => this.#twins.get(own) === other);
  }

  #areEqual(one: Instruction, another: Instruction): boolean {
    const jump = this.rules.of(this.own.section, one);
    const otherJump = this.rules.of(this.other.section, another);
    if (jump !== undefined && otherJump !== undefined && jump.condition === otherJump.condition) {
      return this.#leadToTheSame([one, jump], [another, otherJump]);
    }
    const hasSameLength = one.length === another.length;
    return hasSameLength && firstDifference(this.pair, one.offset, another.offset, one.length) === undefined;
  }

  #leadToTheSame([one, jump]: [Instruction, DirectJump], [another, otherJump]: [Instruction, DirectJump]): boolean {
    const relocation = relocationOf(this.own, one);
    const otherRelocation = relocationOf(this.other, another);
    const isWithin = (target: number, { section }: Code) => target >= 0 && target < section.content.length;
    const isInner = relocation === undefined && isWithin(jump.target, this.own);
    if (isInner && otherRelocation === undefined && isWithin(otherJump.target, this.other)) {
      this.#targets.push({ own: jump.target, other: otherJump.target });
      return true;
    }
    if (one.length !== another.length) this.#hasShorterJump = true;
    const references = [
      this.#outerReference(this.own, jump, relocation),
      this.#outerReference(this.other, otherJump, otherRelocation),
    ] as const;
    return mayBeSame(references, this.pair);
  }

  #outerReference(code: Code, jump: DirectJump, relocation: Relocation | undefined): Reference | undefined {
    const { symbol, start } = code.stretch;
    if (relocation === undefined) return { symbol, offset: start + jump.target };
    const place = { ...relocation, offset: relocation.offset - start };
    return referenceOf(relocation, this.pair.arch.targetBias(code.section, place));
  }

  #isPadding(code: Code, instruction: Instruction): boolean {
    return relocationOf(code, instruction) === undefined && this.rules.isPadding(code.section, instruction);
  }
}

function relocationOf({ stretch }: Code, { offset, length }: Instruction): Relocation | undefined {
  const from = stretch.start + offset;
  return relocationsWithin(stretch.section, from, from + length)[0];
}
