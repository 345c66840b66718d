/**
 * Level 4 of recognising that only lines moved (`line-numbers.ts` has the others): a string that holds the line of its own
 * statement. `memcpy(dev->addr, …)` of a fortified kernel warns of `field "dev->addr" at net/core/dev.c:10296`
 * (`__stringify(__LINE__)`, include/linux/fortify-string.h), and a patch that adds two lines above makes it `…:10298`.
 */
import type { ElfSection } from '../elf/object.js';
import { isLineOfCode } from './line-numbers.js';
import type { PreparedObject } from './prepare.js';

/** A string as an instruction of one side refers to it. */
export interface TextInCode {
  readonly text: string;
  readonly side: PreparedObject;
  /** The instruction's section, and the offset of its relocation there, in bytes. */
  readonly section: ElfSection;
  readonly offset: number;
}

/** `dev.c:10296`: what `__FILE__ ":" __stringify(__LINE__)` ends in, wherever the file lies. */
const sourceLine = /(?<=[\w-]\.[chS]:)\d+/g;

/**
 * The two texts are the same but for lines behind the name of a source file, and each of those that differ is the line
 * of the code that refers to the text, by the debug data of its side. `"retry at toy.c:7"`, written by hand, stands in
 * line 7 of neither side; without debug data nothing is the line of anything.
 */
export function isMovedLineText(original: TextInCode, patched: TextInCode): boolean {
  const [before, after] = [linesIn(original), linesIn(patched)];
  if (before.length === 0 || before.length !== after.length) return false;
  if (withoutLines(original) !== withoutLines(patched)) return false;
  return before.every((line, index) => {
    const moved = after[index];
    return line === moved || (isOwnLine(original, line) && isOwnLine(patched, moved));
  });
}

function linesIn({ text }: TextInCode): string[] {
  return text.match(sourceLine) ?? [];
}

function withoutLines({ text }: TextInCode): string {
  return text.replace(sourceLine, '');
}

function isOwnLine({ side, section, offset }: TextInCode, line: string | undefined): boolean {
  return isLineOfCode(side, section, offset, Number(line));
}
