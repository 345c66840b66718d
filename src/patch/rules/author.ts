/** Rules about what the author of a patch brings along for it: shadow variables, and functions that are forced. */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { type Call, callsIn } from '../c-groups.js';
import { textOf } from '../c-tokens.js';
import { type SourceChange, touchedItems } from '../source-change.js';
import { placeOf, type Scene, type SourceRule } from './scene.js';

export const authorRules: readonly SourceRule[] = [shadowVariables, forced];

/** A call of include/linux/livepatch.h's shadow variables in what the patch touches. */
interface ShadowCall extends Call {
  readonly change: SourceChange;
  readonly functionName: string;
  /** The id as written, `MAD_FLAGS`, and what stands for it where a macro of the touched files tells: `1`. */
  readonly id: string;
  readonly value: string;
}

/** Looked for in all files of the patch: one function allocates, a callback in another file may free. */
function shadowVariables({ changes }: Scene): Diagnostic[] {
  const values = macroValues(changes);
  const found = changes.flatMap((change) =>
    touchedItems(change).flatMap(({ body, name: functionName }) =>
      callsIn(body, (name) => /^klp_shadow_(alloc|get_or_alloc|free|free_all)$/.test(name)).map((call): ShadowCall => {
        const id = textOf(call.arguments[call.name === 'klp_shadow_free_all' ? 0 : 1] ?? []);
        return { ...call, change, functionName, id, value: values.get(id) ?? id };
      }),
    ),
  );
  const isAllocation = ({ name }: ShadowCall) => name.endsWith('alloc');
  const allocated = found.filter(isAllocation);
  const freed = found.filter((call) => !isAllocation(call));
  // A free of an id that is no constant may be of any.
  const isFreed = ({ value }: ShadowCall) => freed.some((call) => call.value === value || !isConstant(call.value));
  return [
    ...allocated
      .filter((call) => !isFreed(call))
      .map(({ change, functionName, line }) => {
        return diagnose('shadow-variable-kept', { ...placeOf(change, { line }), functionName });
      }),
    ...allocated.flatMap((call, at) => {
      const other = allocated.slice(0, at).find((earlier) => earlier.value === call.value && !isAlike(earlier, call));
      if (other === undefined || !isConstant(call.value)) return [];
      return [
        diagnose('shadow-id-shared', { ...placeOf(call.change, call), id: call.value, uses: [other, call].map(useOf) }),
      ];
    }),
  ];
}

const sizeOf = (call: ShadowCall) => textOf(call.arguments[2] ?? []);
const useOf = (call: ShadowCall) =>
  `${call.id === call.value ? '' : `${call.id}, `}${sizeOf(call)} in ${call.functionName}`;

/** Two names for one number, or one id with two sizes, are two variables. */
function isAlike(one: ShadowCall, other: ShadowCall): boolean {
  return one.id === other.id && sizeOf(one) === sizeOf(other);
}

/** `1`, and `MAD_FLAGS`, but not `id` or `mad->id`. */
function isConstant(value: string): boolean {
  return /^(\d\w*|[A-Z][A-Z0-9_]*)$/.test(value);
}

/** `#define MAD_FLAGS 1`, of all touched files. */
function macroValues(changes: readonly SourceChange[]): Map<string, string> {
  const directives = changes.flatMap(({ patched }) => patched.directives);
  return new Map(
    directives.flatMap(({ text }) => {
      const [, name, value] = /^#define (\w+) \(?(\w+)\)?$/.exec(text) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function forced({ changes }: Scene): Diagnostic[] {
  return changes.flatMap((change) =>
    change.patched.items
      .filter(({ macro }) => macro === 'KPATCH_FORCE_UNSAFE')
      .map((item) => diagnose('force-unsafe-used', { ...placeOf(change, item), functionName: item.name })),
  );
}
