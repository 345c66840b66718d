/**
 * How a struct, union or enum is laid out, member by member, and what differs between the two sides. Names and places
 * count, and sizes; a member that has another name or another type of the same size at the same place lies where it lay.
 */
import type { DebugTypes } from '../elf/debug-types.js';

/** A member's place: bytes from the start, of a bit-field also the bit, and its size. */
export interface MemberPlace {
  /** In bits. */
  readonly start: number;
  /** In bits; `undefined` for what has no size, as a flexible array. */
  readonly width: number | undefined;
}

/** For an enum, values in place of places. */
export interface MemberChange<Value = MemberPlace> {
  /** `state`, within an unnamed struct `window.start`. */
  readonly member: string;
  /** `undefined` where the side has none. */
  readonly original: Value | undefined;
  readonly patched: Value | undefined;
}

export interface LayoutChange {
  readonly kind: 'layout';
  /** In bytes. */
  readonly originalSize: number | undefined;
  readonly patchedSize: number | undefined;
  readonly members: readonly MemberChange[];
  /** What was there lies where it lay: new members take what was unused. */
  readonly onlyFillsHoles: boolean;
}

export interface ValueChange {
  readonly kind: 'values';
  readonly members: readonly MemberChange<number>[];
}

/** One side of a type, by the offset of its entry. */
export interface TypeSide {
  readonly types: DebugTypes;
  readonly offset: number;
}

/** What differs; `undefined` where nothing does, or one side does not know the type whole. Throws RangeError as `DebugTypes`. */
export function compareLayouts(original: TypeSide, patched: TypeSide): LayoutChange | ValueChange | undefined {
  const before = original.types.type(original.offset);
  const after = patched.types.type(patched.offset);
  if (before.kind === 'enum' && after.kind === 'enum') return compareValues(before.values, after.values);
  if (before.kind !== 'record' || after.kind !== 'record' || before.isIncomplete || after.isIncomplete)
    return undefined;
  const members = compareMembers(placesOf(original), placesOf(patched));
  if (members.length === 0 && before.size === after.size) return undefined;
  const onlyFillsHoles = before.size === after.size && members.every((change) => change.original === undefined);
  return { kind: 'layout', originalSize: before.size, patchedSize: after.size, members, onlyFillsHoles };
}

/** `MAD_STATE_MAX`, `NUM_STATES`: grows with every new one, and is told by the sizes that it decides. */
const COUNTS = /(^|_)(MAX|NUM|NR|COUNT|CNT|LAST|END|SIZE|LEN|TOTAL)(_|$)/i;

/** Enumerators whose number is another one, but those that count the others. */
function compareValues(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): ValueChange | undefined {
  const members = [...before].flatMap(([member, original]): MemberChange<number>[] => {
    const patched = after.get(member);
    const isCount = COUNTS.test(member) && (patched ?? 0) > original;
    return patched === undefined || patched === original || isCount ? [] : [{ member, original, patched }];
  });
  return members.length === 0 ? undefined : { kind: 'values', members };
}

function compareMembers(
  before: ReadonlyMap<string, MemberPlace>,
  after: ReadonlyMap<string, MemberPlace>,
): MemberChange[] {
  const gone = new Set([...before].filter(([name]) => !after.has(name)).map(([, place]) => keyOf(place)));
  const come = new Set([...after].filter(([name]) => !before.has(name)).map(([, place]) => keyOf(place)));
  const isRenamed = (place: MemberPlace) => gone.has(keyOf(place)) && come.has(keyOf(place));
  const changes: MemberChange[] = [];
  for (const [member, original] of before) {
    const patched = after.get(member);
    if (patched === undefined ? !isRenamed(original) : keyOf(patched) !== keyOf(original)) {
      changes.push({ member, original, patched });
    }
  }
  for (const [member, patched] of after) {
    if (!before.has(member) && !isRenamed(patched)) changes.push({ member, original: undefined, patched });
  }
  return changes;
}

const keyOf = ({ start, width }: MemberPlace) => `${start}:${width}`;

/** A struct of the kernel has some hundred; unnamed ones within each other could be made to have any number. */
const MOST_MEMBERS = 20_000;
const DEEPEST = 32;

/** Members by name. Those of structs without a name of their own, which change with their holder, are told one by one. */
function placesOf({ types, offset }: TypeSide): Map<string, MemberPlace> {
  const places = new Map<string, MemberPlace>();
  let count = 0;
  const add = (record: number, base: number, prefix: string, depth: number) => {
    const type = types.type(record);
    if (type.kind !== 'record') return;
    for (const [index, member] of type.members.entries()) {
      count += 1;
      if (count > MOST_MEMBERS || depth > DEEPEST) throw new RangeError('members without end');
      const start = base + member.start;
      const nameless = member.type === undefined ? undefined : namelessRecord(types, member.type);
      if (nameless !== undefined)
        add(nameless, start, member.name === undefined ? prefix : `${prefix}${member.name}.`, depth + 1);
      if (nameless !== undefined && member.name === undefined) continue;
      const size = types.sizeOf(member.type);
      const width = member.width ?? (size === undefined ? undefined : 8 * size);
      places.set(`${prefix}${member.name ?? `(${index})`}`, { start, width });
    }
  };
  add(offset, 0, '', 0);
  return places;
}

/** The struct that a member holds, also in an array, if it has no name and no typedef has given it one. */
function namelessRecord(types: DebugTypes, offset: number, depth = 0): number | undefined {
  if (depth > DEEPEST) return undefined;
  const type = types.type(offset);
  if (type.kind === 'record') return type.name === undefined && types.keyOf(offset) === undefined ? offset : undefined;
  const inner = type.kind === 'array' ? type.element : type.kind === 'alias' ? type.target : undefined;
  return inner === undefined ? undefined : namelessRecord(types, inner, depth + 1);
}
