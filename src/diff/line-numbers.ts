/**
 * A patch that adds a line moves every `__LINE__` below it, and with it an operand in each function that warns or may
 * sleep. Such a function did not change. It is known by this: all instructions but the loads of an argument are the
 * same, the loads differ in their immediate only, and a call follows which takes it.
 */
import type { Arch, Instruction } from '../arch/arch.js';
import { dereference } from '../arch/indirection.js';
import { SHF } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import { countBelow } from '../elf/sorted.js';
import { type LineRow, lineAt } from './debug-lines.js';
import type { PreparedObject } from './prepare.js';

/** How far behind the load the call may stand, in bytes: the loads of six arguments and a store of a once flag. */
const callDistance = 64;

/** A line number is small, and all lines of a file move by about as much; a limit or a flag mask rarely looks so. */
const largestLine = 200_000;

interface BothSides {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
}

/**
 * The two sections, of one size and with the same relocations, differ in line numbers only.
 * Only calls that are known or seen to be given `__LINE__` count here, since a changed constant must never be missed.
 */
export function isLineNumberChange(original: ElfSection, patched: ElfSection, sides: BothSides): boolean {
  if ((patched.flags & SHF.EXECINSTR) === 0 || original.size !== patched.size) return false;
  const { arch } = sides.patched;
  const instructions = arch.instructions(patched);
  const originals = arch.instructions(original);
  if (instructions === undefined || originals === undefined || instructions.length !== originals.length) return false;
  return instructions.every((instruction, index) => {
    const twin = originals[index];
    if (twin === undefined || twin.offset !== instruction.offset || twin.length !== instruction.length) return false;
    return isSameCode(original, patched, instruction) || isMovedLine(original, patched, instruction, sides);
  });
}

function isSameCode(original: ElfSection, patched: ElfSection, { offset, length }: Instruction): boolean {
  const end = offset + length;
  return Buffer.compare(original.content.subarray(offset, end), patched.content.subarray(offset, end)) === 0;
}

/** The instruction loads a line number that differs, at the same place of both sections. */
export function isMovedLine(
  original: ElfSection,
  patched: ElfSection,
  instruction: Instruction,
  { original: originalSide, patched: patchedSide }: BothSides,
): boolean {
  const { arch } = patchedSide;
  const before = arch.argumentLoad(original, instruction);
  const after = arch.argumentLoad(patched, instruction);
  if (before === undefined || after === undefined || before.register !== after.register) return false;
  if (before.value > largestLine || after.value > largestLine) return false;
  const call = nextCall(patched, instruction, arch.isCall.bind(arch));
  if (call !== undefined && takesLine(call.symbol.name)) return true;
  const isBesidePlace = call !== undefined && hasPlaceBeside(patched, instruction, call, arch, after.position);
  const [originalRows, rows] = [originalSide.debugLines().get(original), patchedSide.debugLines().get(patched)];
  if (originalRows === undefined || rows === undefined) return isBesidePlace;
  // What stands in tail position is jumped to.
  const user = call ?? nextCall(patched, instruction, (section, jump) => arch.isJump?.(section, jump) === true);
  if (user === undefined) return false;
  if (isOwnLine(originalRows, instruction, user, before.value) && isOwnLine(rows, instruction, user, after.value)) {
    return true;
  }
  return isBesidePlace && isShiftOf(originalRows, rows, after.value - before.value);
}

/** The call behind the load, which takes what it loaded. */
function nextCall(
  section: ElfSection,
  { offset, length }: Instruction,
  isCall: Arch['isCall'],
): Relocation | undefined {
  const from = offset + length;
  const near = relocationsWithin(section, from, from + callDistance + 1);
  return near.find((relocation) => isCall(section, relocation));
}

/**
 * Level 3. Any function, where the debug data of both sides give the statement that very line: `note(x, __LINE__)` in line
 * 41 loads 41, and in line 42 of the patched source 42. `wait(5)` that became `wait(6)` stands in neither line 5 nor 6.
 * Other statements between the load and the call, which the compiler mixes in, do not count.
 */
function isOwnLine(rows: readonly LineRow[], { offset }: Instruction, call: Relocation, value: number): boolean {
  return lineAt(rows, offset) === value || lineAt(rows, call.offset) === value;
}

/**
 * Level 4 asks it of what refers to a string (`line-texts.ts`).
 * @param offset bytes from the start of the section
 * @returns whether the debug data say so of the instruction there or of the call that follows; not where there are none
 */
export function isLineOfCode(side: PreparedObject, section: ElfSection, offset: number, line: number): boolean {
  const rows = side.debugLines().get(section);
  if (rows === undefined) return false;
  const call = nextCall(section, { offset, length: 1 }, side.arch.isCall.bind(side.arch));
  return lineAt(rows, offset) === line || (call !== undefined && lineAt(rows, call.offset) === line);
}

/**
 * Where there are debug data, level 2 has to agree with them: of `wait(__FILE__, __LINE__, 100)` in a function whose lines
 * did not move, or moved by one, 100 did not become 200 by that. (An old compiler gives a call of several lines the line
 * of its end, so that the line itself need not show.)
 */
function isShiftOf(originalRows: readonly LineRow[], rows: readonly LineRow[], shift: number): boolean {
  if (originalRows.length !== rows.length) return true;
  return rows.some(({ line }, index) => line - (originalRows[index]?.line ?? Number.NaN) === shift);
}

/**
 * Level 1. Functions of the kernel that take a line number and nothing else that a patch might change in an argument
 * register: `WARN` (kernel/panic.c), `might_sleep` (kernel/sched/core.c), lockdep's RCU checks (kernel/locking/lockdep.c).
 */
const lineCallees = [/^warn_slowpath_null$/, /^_{2,3}might_(sleep|fault|resched)$/, /^lockdep_rcu_suspicious$/];

function takesLine(name: string): boolean {
  return lineCallees.some((pattern) => pattern.test(name));
}

/**
 * Level 2. Any function that is handed `__FILE__` or `__func__` beside it: `printk("%s (%d)", __FILE__, __LINE__)` of
 * `ASSERT_RTNL`, `__btrfs_abort_transaction(trans, __func__, __LINE__, …)`.
 */
function hasPlaceBeside(
  section: ElfSection,
  { offset }: Instruction,
  call: Relocation,
  arch: Arch,
  position: number | undefined,
): boolean {
  const near = relocationsWithin(section, offset - callDistance, call.offset);
  const previous = near.findLast((relocation) => relocation.offset < offset && arch.isCall(section, relocation));
  const loads = near.filter((relocation) => {
    return relocation.offset > (previous?.offset ?? -1) && relocation.offset - offset <= callDistance;
  });
  const isFollowed = (load: Relocation) => {
    const place = positionOf(section, load, arch);
    return place === undefined || position === undefined || position === place + 1;
  };
  return (
    loads.some((load) => namesPlace(dereference(arch, load)) && isFollowed(load)) &&
    loads.every((load) => mayShowLine(dereference(arch, load)))
  );
}

/** Which argument a reference is loaded as: `f(__FILE__, __LINE__)` has the line right behind the file. */
function positionOf(section: ElfSection, { offset }: Relocation, arch: Arch): number | undefined {
  const instructions = arch.instructions(section) ?? [];
  const load = instructions[countBelow(instructions, (candidate) => candidate.offset + candidate.length <= offset)];
  return load && arch.argumentLoad(section, load)?.position;
}

/**
 * Where a line shows in a message: behind the file or function, `%s (%d)`, `%s:%d`, or called so, `line %d`. Of the
 * same shape is `printk("%s: giving up after %d ms", __func__, 100)`, and 100 is no line.
 */
const lineFormat = /%s(:| ?[(@])%[diu]|\bline:? %[diu]/i;

function mayShowLine(meant: Relocation | undefined): boolean {
  const text = textOf(meant);
  return text === undefined || !text.includes('%') || lineFormat.test(text);
}

function namesPlace(meant: Relocation | undefined): boolean {
  if (/^(__func__|__FUNCTION__|__PRETTY_FUNCTION__)(\.|$)/.test(meant?.symbol.name ?? '')) return true;
  return /\.[chS]$/.test(textOf(meant) ?? '');
}

/** The string that an absolute reference points to. */
function textOf(meant: Relocation | undefined): string | undefined {
  const pool = meant?.symbol.section;
  if (meant === undefined || pool === undefined || (pool.flags & SHF.STRINGS) === 0) return undefined;
  const offset = meant.symbol.value + meant.addend;
  const end = pool.content.indexOf(0, Math.max(offset, 0));
  if (offset < 0 || end < 0) return undefined;
  return Buffer.from(pool.content.subarray(offset, end)).toString('latin1');
}
