/**
 * Decides between namesakes by where they lie. What one object brings to a section of the target is contiguous there, so
 * that its symbols which are found for sure, global ones too, enclose the others.
 */
import { STB, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';
import { BUILT_IN_NAMES, isCompanion, isDrifting, type NameRules } from './drifting-names.js';
import type { Decision, Question } from './question.js';
import { remembered } from './remembered.js';
import { compareSize, hasSizeOf } from './size-agreement.js';
import { isFunctionOrObject, type TableSymbol, type TargetTable } from './symbol-table.js';

/** Functions of the kernel are aligned to 16 bytes, to 64 with CONFIG_DEBUG_FORCE_FUNCTION_ALIGN_64B. */
const ALIGNMENT = 64;

/**
 * The one candidate that lies where the object would have it: between two symbols of the object, or else right beside
 * one. Only symbols that the object keeps in the same kind of section count: in vmlinux the linker script collects
 * `.text.unlikely` of all objects behind `.text` of all objects (TEXT_TEXT in include/asm-generic/vmlinux.lds.h).
 */
export function decideByAddress(question: Question): Decision | undefined {
  const kin = kinOf(question.original, question.table, question.names).get(sectionKind(question.own));
  return kin && (enclosedByKin(question, kin) ?? besideKin(question, kin));
}

/** The object's functions and data in one kind of section. */
interface Kin {
  /** Bytes that they take at most. */
  readonly room: bigint;
  /** What the target has for sure, by section of the target and in the order of addresses. */
  readonly anchors: ReadonlyMap<TableSymbol['place'], readonly TableSymbol[]>;
  /** By type, in the order in which gcc emitted them. */
  readonly inOrder: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** Place in `inOrder`. */
  readonly placeOf: ReadonlyMap<ElfSymbol, number>;
}

const kinOf = remembered(
  (original: ElfObject, table: TargetTable, names: NameRules): ReadonlyMap<string | undefined, Kin> => {
    /** gcc emits the sections of `-ffunction-sections` in the order in which it emits functions. */
    const sections = new Map(original.sections.map((section, place) => [section, place]));
    const sectionPlace = ({ section }: ElfSymbol) => (section === undefined ? -1 : (sections.get(section) ?? -1));
    const kinds = groupBy(original.symbols.filter(isFunctionOrObject), sectionKind);
    return new Map(
      [...kinds].map(([kind, symbols]) => {
        const room = BigInt(symbols.reduce((sum, { size }) => sum + size + ALIGNMENT, 0));
        const anchors = groupBy(
          symbols.flatMap((symbol) => anchorOf(symbol, table, names) ?? []).sort(byAddressAndPlace),
          ({ place }) => place,
        );
        const inOrder = groupBy(
          [...symbols].sort((a, b) => sectionPlace(a) - sectionPlace(b)),
          ({ type }) => type,
        );
        const placeOf = new Map([...inOrder.values()].flatMap((list) => list.map((symbol, place) => [symbol, place])));
        return [kind, { room, anchors, inOrder, placeOf }];
      }),
    );
  },
);

/**
 * Example: `helper` at 0x140 in `.text`, with the object's globals `cm_open` at 0x100 and `cm_close` at 0x1a0, while the
 * other `helper` lies at 0x700. A range that is longer than all that the object has of that kind was opened by a foreign
 * symbol and decides nothing.
 */
function enclosedByKin({ candidates }: Question, { anchors, room }: Kin): Decision | undefined {
  const inside = candidates.flatMap((symbol) => {
    const enclosing = enclosed(symbol, anchors.get(symbol.place) ?? []);
    if (enclosing === undefined || enclosing.last.value - enclosing.first.value > room) return [];
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
function besideKin({ own, candidates, table, names }: Question, { inOrder, placeOf }: Kin): Decision | undefined {
  const neighbours = inOrder.get(own.type) ?? [];
  const at = placeOf.get(own) ?? -1;
  const beside = candidates.flatMap((symbol) => {
    if (!hasSizeOf(symbol, own)) return [];
    const { before, after } = adjacent(symbol, table, names);
    if (isSame(before, neighbours[at - 1], names)) {
      return [{ symbol, evidence: `it lies right behind ${before?.name}` }];
    }
    return isSame(after, neighbours[at + 1], names)
      ? [{ symbol, evidence: `it lies right before ${after?.name}` }]
      : [];
  });
  const [only] = beside;
  if (only === undefined || beside.length > 1) return undefined;
  return { symbol: only.symbol, evidence: `${only.evidence}, as in the object, and both have its sizes` };
}

/** A clone's number may drift, but hardly to another clone of the same size; numbered data is too often alike. */
function isSame(theirs: TableSymbol | undefined, ours: ElfSymbol | undefined, names?: NameRules): boolean {
  if (theirs === undefined || theirs.name !== ours?.name || !hasSizeOf(theirs, ours)) return false;
  return ours.type === STT.FUNC || !isDrifting(ours.name, names);
}

/** What lies next to the symbol in its section; what tools put beside functions does not count. */
function adjacent(
  symbol: TableSymbol,
  table: TargetTable,
  names: NameRules = BUILT_IN_NAMES,
): { before?: TableSymbol; after?: TableSymbol } {
  const inOrder = orderOf(table, names).get(symbol.place)?.get(symbol.type) ?? [];
  const first = countBelow(inOrder, ({ value }) => value < symbol.value);
  const [before, after] = [inOrder[first - 1], inOrder[countBelow(inOrder, ({ value }) => value <= symbol.value)]];
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

type Order = ReadonlyMap<TableSymbol['place'], ReadonlyMap<number, readonly TableSymbol[]>>;

/** By table, and by names that do not count. */
const orders = new WeakMap<TargetTable, Map<NameRules, Order>>();

/** The symbols by section and type in the order of their addresses, one for each address: the first in the table. */
function orderOf(table: TargetTable, names: NameRules): Order {
  const ofTable = orders.get(table) ?? new Map<NameRules, Order>();
  orders.set(table, ofTable);
  const known = ofTable.get(names);
  if (known !== undefined) return known;
  const order = new Map<TableSymbol['place'], Map<number, TableSymbol[]>>();
  for (const symbol of [...table.symbols].sort(byAddressAndPlace)) {
    if (isCompanion(symbol.name, names)) continue;
    const types = order.get(symbol.place) ?? new Map<number, TableSymbol[]>();
    order.set(symbol.place, types);
    const symbols = types.get(symbol.type) ?? [];
    types.set(symbol.type, symbols);
    if (symbols.at(-1)?.value !== symbol.value) symbols.push(symbol);
  }
  ofTable.set(names, order);
  return order;
}

function byAddressAndPlace(a: TableSymbol, b: TableSymbol): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  return a.index - b.index;
}

/** What the target has once, with the object's size and binding: no other object's by chance. */
function anchorOf(symbol: ElfSymbol, table: TargetTable, names?: NameRules): TableSymbol | undefined {
  if (isDrifting(symbol.name, names)) return undefined;
  const defined = table.named(symbol.name).filter(({ place }) => typeof place !== 'string');
  const [anchor] = defined;
  if (anchor === undefined || defined.length > 1 || anchor.type !== symbol.type) return undefined;
  if (compareSize(anchor, symbol) === 'different') return undefined;
  return (anchor.bind === STB.LOCAL) === (symbol.bind === STB.LOCAL) ? anchor : undefined;
}

/** The nearest anchors on either side; `anchors` are those of the symbol's section. */
function enclosed(
  { value: address }: TableSymbol,
  anchors: readonly TableSymbol[],
): { first: TableSymbol; last: TableSymbol } | undefined {
  const first = anchors[countBelow(anchors, ({ value }) => value < address) - 1];
  const last = anchors[countBelow(anchors, ({ value }) => value <= address)];
  return first === undefined || last === undefined ? undefined : { first, last };
}

/** Without the symbol's own name, which `-ffunction-sections` appends: `.text.unlikely` of `.text.unlikely.cm_open`. */
export function sectionKind({ name, section }: ElfSymbol): string | undefined {
  if (section === undefined) return undefined;
  return section.name.endsWith(`.${name}`) ? section.name.slice(0, -name.length - 1) : section.name;
}
