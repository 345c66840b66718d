/**
 * Decides between namesakes by where they lie. What one object brings to a section of the target is contiguous there, so
 * that its symbols which are found for sure, global ones too, enclose the others.
 */
import { STB, STT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { isDrifting } from './drifting-names.js';
import type { Decision, Question } from './question.js';
import { isFunctionOrObject, type TableSymbol, type TargetTable } from './symbol-table.js';

/** Functions of the kernel are aligned to 16 bytes, to 64 with CONFIG_DEBUG_FORCE_FUNCTION_ALIGN_64B. */
const ALIGNMENT = 64;

/**
 * The one candidate that lies where the object would have it: between two symbols of the object, or else right beside
 * one. Only symbols that the object keeps in the same kind of section count: in vmlinux the linker script collects
 * `.text.unlikely` of all objects behind `.text` of all objects (TEXT_TEXT in include/asm-generic/vmlinux.lds.h).
 */
export function decideByAddress(question: Question): Decision | undefined {
  const kind = sectionKind(question.own);
  const kin = question.original.symbols.filter((symbol) => isFunctionOrObject(symbol) && sectionKind(symbol) === kind);
  return enclosedByKin(question, kin) ?? besideKin(question, kin);
}

/**
 * Example: `helper` at 0x140 in `.text`, with the object's globals `cm_open` at 0x100 and `cm_close` at 0x1a0, while the
 * other `helper` lies at 0x700. A range that is longer than all that the object has of that kind was opened by a foreign
 * symbol and decides nothing.
 */
function enclosedByKin({ candidates, table }: Question, kin: readonly ElfSymbol[]): Decision | undefined {
  const room = kin.reduce((sum, { size }) => sum + size + ALIGNMENT, 0);
  const anchors = kin.flatMap((symbol) => anchorOf(symbol, table) ?? []);
  const inside = candidates.flatMap((symbol) => {
    const enclosing = enclosed(symbol, anchors);
    if (enclosing === undefined || enclosing.last.value - enclosing.first.value > BigInt(room)) return [];
    return [{ symbol, ...enclosing }];
  });
  const [only] = inside;
  if (only === undefined || inside.length > 1) return undefined;
  const { symbol, first, last } = only;
  return { symbol, evidence: `it lies between ${first.name} and ${last.name}, which the object defines too` };
}

/**
 * Example: `helper` is the first function of its object, so that nothing of the object lies before it; but `cm_open` comes
 * right behind it, in the object as in the target, and both have the object's sizes.
 */
function besideKin({ own, candidates, original, table }: Question, kin: readonly ElfSymbol[]): Decision | undefined {
  const inOrder = [...kin]
    .filter(({ type }) => type === own.type)
    .sort((a, b) => placeIn(original, a) - placeIn(original, b));
  const at = inOrder.indexOf(own);
  const beside = candidates.flatMap((symbol) => {
    if (symbol.size !== own.size) return [];
    const { before, after } = adjacent(symbol, table);
    if (isSame(before, inOrder[at - 1])) return [{ symbol, evidence: `it lies right behind ${before?.name}` }];
    return isSame(after, inOrder[at + 1]) ? [{ symbol, evidence: `it lies right before ${after?.name}` }] : [];
  });
  const [only] = beside;
  if (only === undefined || beside.length > 1) return undefined;
  return { symbol: only.symbol, evidence: `${only.evidence}, as in the object, and both have its sizes` };
}

/** A clone's number may drift, but hardly to another clone of the same size; numbered data is too often alike. */
function isSame(theirs: TableSymbol | undefined, ours: ElfSymbol | undefined): boolean {
  if (theirs === undefined || theirs.name !== ours?.name || theirs.size !== ours.size) return false;
  return ours.type === STT.FUNC || !isDrifting(ours.name);
}

/** gcc emits the sections of `-ffunction-sections` in the order in which it emits functions. */
function placeIn(original: ElfObject, { section }: ElfSymbol): number {
  return section === undefined ? -1 : original.sections.indexOf(section);
}

/** What lies next to the symbol in its section; `__pfx_` symbols, which objtool makes for the padding, do not count. */
function adjacent(symbol: TableSymbol, table: TargetTable): { before?: TableSymbol; after?: TableSymbol } {
  let before: TableSymbol | undefined;
  let after: TableSymbol | undefined;
  for (const other of table.symbols) {
    if (other.place !== symbol.place || other.type !== symbol.type || other.name.startsWith('__pfx_')) continue;
    if (other.value < symbol.value && (before === undefined || other.value > before.value)) before = other;
    if (other.value > symbol.value && (after === undefined || other.value < after.value)) after = other;
  }
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** What the target has once, with the object's size and binding: no other object's by chance. */
function anchorOf(symbol: ElfSymbol, table: TargetTable): TableSymbol | undefined {
  if (isDrifting(symbol.name)) return undefined;
  const defined = table.named(symbol.name).filter(({ place }) => typeof place !== 'string');
  const [anchor] = defined;
  if (anchor === undefined || defined.length > 1 || anchor.type !== symbol.type || anchor.size !== symbol.size) {
    return undefined;
  }
  return (anchor.bind === STB.LOCAL) === (symbol.bind === STB.LOCAL) ? anchor : undefined;
}

/** The nearest anchors on either side. */
function enclosed(
  symbol: TableSymbol,
  anchors: readonly TableSymbol[],
): { first: TableSymbol; last: TableSymbol } | undefined {
  const near = anchors.filter(({ place }) => place === symbol.place);
  const first = near
    .filter(({ value }) => value < symbol.value)
    .sort(byAddress)
    .at(-1);
  const last = near.filter(({ value }) => value > symbol.value).sort(byAddress)[0];
  return first === undefined || last === undefined ? undefined : { first, last };
}

function byAddress(a: TableSymbol, b: TableSymbol): number {
  return a.value < b.value ? -1 : 1;
}

/** Without the symbol's own name, which `-ffunction-sections` appends: `.text.unlikely` of `.text.unlikely.cm_open`. */
function sectionKind({ name, section }: ElfSymbol): string | undefined {
  if (section === undefined) return undefined;
  return section.name.endsWith(`.${name}`) ? section.name.slice(0, -name.length - 1) : section.name;
}
