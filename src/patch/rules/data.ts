/** Rules about data that is in memory already: its value, its type, its place. */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { callsIn, endOfGroup, isPunctuator, partsBetweenCommas } from '../c-groups.js';
import type { Item } from '../c-outline.js';
import { type Token, textOf } from '../c-tokens.js';
import { isSwitchedOff } from '../conditions.js';
import type { ChangedItem, SourceChange } from '../source-change.js';
import { type StaticLocal, staticLocals } from '../static-locals.js';
import { initDataMark } from './one-time.js';
import { changedMacros, placeOf, type Scene, type SourceRule } from './scene.js';

export const dataRules: readonly SourceRule[] = [
  initialValues,
  valuesByOtherNames,
  declarations,
  localStatics,
  typeLayouts,
  enumerators,
];

/** Both sides have an initial value, and it differs; data that goes away with its value, or is new, does no harm. */
function initialValues({ variables }: Scene): Diagnostic[] {
  return variables
    .filter(({ original, patched }) => initDataMark(patched) === undefined && hasOtherValue(original, patched))
    .map(({ patched, place, doubt }) =>
      diagnose('initial-value-touched', { ...place, ...doubt, variable: patched.name }),
    );
}

/**
 * Values that are written as before and may still be others: by a macro that changes, or by the size of a type that does,
 * `.obj_size = sizeof(struct mad_sock)`.
 */
function valuesByOtherNames({ changes, variables, config }: Scene): Diagnostic[] {
  const macros = changedMacros(changes);
  const types = new Set(changedTypes(changes).map(({ type }) => type.split(' ')[1] ?? ''));
  if (macros.size + types.size === 0) return [];
  const told = new Set(variables.map(({ patched }) => patched.name));
  return changes.flatMap((change) =>
    change.patched.items.flatMap((item) => {
      if (item.kind !== 'variable' || told.has(item.name) || change.added.includes(item)) return [];
      if (isSwitchedOff(item.conditions, config)) return [];
      const macro = item.body.find(({ kind, text }) => kind === 'word' && macros.has(text))?.text;
      const type = callsIn(item.body, (name) => name === 'sizeof')
        .flatMap(({ arguments: [measured = []] }) => measured)
        .find(({ kind, text }) => kind === 'word' && types.has(text))?.text;
      const by = macro ?? (type === undefined ? undefined : `sizeof(${type})`);
      if (by === undefined) return [];
      const cannotTell = `here what ${by}, which the patch changes, makes of it`;
      return [diagnose('initial-value-touched', { ...placeOf(change, item), variable: item.name, cannotTell })];
    }),
  );
}

function hasOtherValue(original: { body: readonly Token[] }, patched: { body: readonly Token[] }): boolean {
  return textOf(original.body) !== textOf(patched.body);
}

/** Marks for sparse, which the compiler does not see (include/linux/compiler_types.h). */
const FOR_SPARSE = ['__rcu', '__user', '__iomem', '__percpu', '__force', '__bitwise', '__private', '__nocast'];

/** What says nothing of type or place. */
const SILENT: ReadonlySet<string> = new Set([
  ...FOR_SPARSE,
  '__maybe_unused',
  '__used',
  'extern',
  'register',
  'static',
  'volatile',
]);

/** An array whose size follows from its value, `int map[] = { … }`, is told by its value alone. */
function declarations({ variables }: Scene): Diagnostic[] {
  return variables.flatMap(({ original, patched, place, doubt }) => {
    if (initDataMark(patched) !== undefined) return [];
    const [before, after] = [declarationOf(original.head), declarationOf(patched.head)];
    if (before === after) return [];
    return [diagnose('data-type-touched', { ...place, ...doubt, variable: patched.name, before, after })];
  });
}

function declarationOf(head: readonly Token[]): string {
  const end = isPunctuator(head.at(-1), ';') ? -1 : head.length;
  return textOf(head.slice(0, end).filter(({ kind, text }) => kind !== 'directive' && !SILENT.has(text)));
}

/** Static variables within functions. */
function localStatics({ functions }: Scene): Diagnostic[] {
  return functions.flatMap(({ change, original, patched, place: { functionName } }) => {
    const { gone, come, kept } = pairLocals(staticLocals(original), staticLocals(patched));
    const about = ({ name, line }: StaticLocal) => ({ file: change.path, line, variable: name, functionName });
    return [
      ...gone.map((local) => {
        const renamed = come.find(({ declaration }) => declaration === local.declaration)?.name;
        return diagnose('static-local-dropped', { ...about(local), ...(renamed !== undefined && { renamed }) });
      }),
      ...kept
        .filter(({ twin, local }) => twin.declaration !== local.declaration)
        .map(({ twin, local }) =>
          diagnose('static-local-retyped', { ...about(local), before: twin.declaration, after: local.declaration }),
        ),
      ...kept
        .filter(({ twin, local }) => twin.value !== local.value)
        .map(({ local }) => diagnose('initial-value-touched', about(local))),
      ...come
        .filter((local) => !local.isConstant && !gone.some(({ declaration }) => declaration === local.declaration))
        .map((local) => diagnose('static-local-added', about(local))),
    ];
  });
}

/** Those of one name, also where several have it: a new `static u64 count;` in a block of its own beside `static int count;`. */
function pairLocals(before: readonly StaticLocal[], after: readonly StaticLocal[]) {
  const kept: { readonly twin: StaticLocal; readonly local: StaticLocal }[] = [];
  const pair = (fits: (twin: StaticLocal, local: StaticLocal) => boolean) => {
    for (const local of after.filter((candidate) => !kept.some((found) => found.local === candidate))) {
      const twin = before.find(
        (candidate) => !kept.some((found) => found.twin === candidate) && fits(candidate, local),
      );
      if (twin !== undefined) kept.push({ twin, local });
    }
  };
  pair((twin, local) => twin.name === local.name && twin.declaration === local.declaration);
  pair((twin, local) => twin.name === local.name);
  return {
    kept,
    gone: before.filter((local) => !kept.some(({ twin }) => twin === local)),
    come: after.filter((candidate) => !kept.some(({ local }) => local === candidate)),
  };
}

function typeLayouts({ changes, config }: Scene): Diagnostic[] {
  return changedTypes(changes)
    .filter(({ patched }) => !isSwitchedOff(patched.conditions, config))
    .map(({ change, patched, type }) => diagnose('type-layout-touched', { ...placeOf(change, patched), type }));
}

interface ChangedType {
  readonly change: SourceChange;
  readonly patched: Item;
  /** `struct mad` */
  readonly type: string;
}

/** Changed members of structures and unions, also of those in a `typedef` or in front of a variable. */
function changedTypes(changes: readonly SourceChange[]): ChangedType[] {
  return changes.flatMap((change) =>
    change.changed.flatMap(({ original, patched }) => {
      if (patched.kind === 'function') return [];
      const [before, after] = [braced(original, /^(struct|union)$/), braced(patched, /^(struct|union)$/)];
      if (before === undefined || after === undefined) return [];
      if (declarationOf(before.members) === declarationOf(after.members)) return [];
      return [{ change, patched, type: after.type }];
    }),
  );
}

/** `struct mad { int id; }` of a head: the type as it is called, and what stands between the braces. */
function braced({ head }: Item, keyword: RegExp): { type: string; members: readonly Token[] } | undefined {
  const at = head.findIndex((token) => isPunctuator(token, '{'));
  const word = head.slice(0, at).findLast(({ text }) => keyword.test(text));
  if (at === -1 || word === undefined) return undefined;
  const end = endOfGroup(head, at);
  const tag = head[head.indexOf(word) + 1];
  const name = tag?.kind === 'word' ? tag.text : head.slice(end).findLast(({ kind }) => kind === 'word')?.text;
  return { type: name === undefined ? `a ${word.text}` : `${word.text} ${name}`, members: head.slice(at + 1, end) };
}

/** Enumerators that keep their name and get another value; anonymous enumerations are told apart by their order. */
function enumerators({ changes }: Scene): Diagnostic[] {
  return changes.flatMap((change) => {
    const isAnonymous = (item: Item) => item.name === '' && braced(item, /^enum$/) !== undefined;
    const gone = change.removed.filter(isAnonymous);
    const unnamed = change.added.filter(isAnonymous).flatMap((patched, index): ChangedItem[] => {
      const original = gone[index];
      return original === undefined ? [] : [{ original, patched }];
    });
    return [...change.changed, ...unnamed].flatMap(({ original, patched }) => {
      const [before, after] = [braced(original, /^enum$/), braced(patched, /^enum$/)];
      if (before === undefined || after === undefined) return [];
      const values = valuesOf(after.members);
      const moved = [...valuesOf(before.members)].filter(([name, value]) => (values.get(name) ?? value) !== value);
      if (moved.length === 0) return [];
      return [
        diagnose('enumerators-renumbered', { ...placeOf(change, patched), enumerators: moved.map(([name]) => name) }),
      ];
    });
  });
}

/** By name: the last value that was written, and how far behind it the enumerator stands. */
function valuesOf(members: readonly Token[]): Map<string, string> {
  const values = new Map<string, string>();
  let written = '';
  let distance = 0;
  for (const [name, ...rest] of partsBetweenCommas(members.filter(({ kind }) => kind !== 'directive'))) {
    if (name === undefined) continue;
    distance = rest.length > 0 ? 0 : distance + 1;
    if (rest.length > 0) written = textOf(rest);
    values.set(name.text, `${written} ${distance}`);
  }
  return values;
}
