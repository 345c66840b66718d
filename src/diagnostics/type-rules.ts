/** The rules about types and their checksums that are decided when the objects of both sides have been compared. */
import { plural, shortened } from './name-lists.js';
import { listed, messagesOfRules, type Rule } from './rule.js';

/** As `diff/type-changes.ts` has it; repeated here because the catalogue imports nothing. */
interface Layout {
  readonly type: string;
  /** Modules or objects that the finding is about. */
  readonly objects: readonly string[];
  /** Bytes. */
  readonly originalSize: number | undefined;
  readonly patchedSize: number | undefined;
  readonly onlyFillsHoles: boolean;
  readonly members: readonly {
    readonly member: string;
    readonly original: MemberPlace | undefined;
    readonly patched: MemberPlace | undefined;
  }[];
  /** The function that is nearest, and the types on the way. */
  readonly path: readonly string[];
}

interface MemberPlace {
  /** Bits. */
  readonly start: number;
  readonly width: number | undefined;
}

interface Version {
  readonly symbol: string;
  readonly module: string;
  /** `mad.o` */
  readonly object: string;
  /** Of the module as it runs. */
  readonly expected: number;
  readonly found: number;
}

interface ChangedVersion extends Version {
  /** What the patch adds, `mad.c: #include <linux/mm.h>`. */
  readonly includes: readonly string[];
  /** What debug data tell of the types that the symbol is declared with; absent where there are none. */
  readonly types?:
    | {
        /** With another layout. */
        readonly changed: readonly string[];
        /** Declared only before the patch, defined after it. */
        readonly completed: readonly string[];
      }
    | undefined;
}

interface EnumValues {
  readonly type: string;
  readonly objects: readonly string[];
  readonly values: readonly {
    readonly member: string;
    readonly original: number | undefined;
    readonly patched: number | undefined;
  }[];
  readonly path: readonly string[];
}

const SHADOW =
  'Leave the type as it was, and keep what is new in a shadow variable (klp_shadow_alloc), which belongs to the address of an object.';

export const typeRules = {
  'type-layout-changed': {
    stage: 'objects',
    severity: 'warning',
    title: 'Types that are laid out anew',
    why: 'Objects of the type that were made before patching keep their old size and layout. A changed function that is handed one reads and writes the wrong bytes, or bytes behind its end.',
    fix: `${SHADOW} Where objects of the type never outlive a function, as a buffer on the stack, nothing is wrong.`,
    example:
      'The patch adds `u32 retries;` in the middle of `struct mad_agent`. A member that is only renamed, and a type that no changed function can get to, are fine.',
    what: ({ type, originalSize, patchedSize, onlyFillsHoles }: Layout) => {
      if (onlyFillsHoles) return `${type} gets new members in bytes that were unused`;
      const sizes = originalSize === patchedSize ? '' : `: ${originalSize} bytes become ${patchedSize}`;
      return `${type} is laid out anew${sizes}`;
    },
    because: ({ onlyFillsHoles }: Layout) =>
      onlyFillsHoles ? 'Here only the new members are at stake: they hold what happened to be in these bytes.' : '',
    more: ({ members, path, objects }: Layout) => [
      ...shortened(members.map(describeMember)),
      `reached from ${path.join(' -> ')} (${listed(objects)})`,
    ],
  },
  'type-layout-of-data': {
    stage: 'objects',
    severity: 'error',
    title: 'Variables in memory whose type is laid out anew',
    why: 'The variable stays where it is, with its old layout, and the changed functions would take it for one of the new layout.',
    fix: `${SHADOW} Or let the changed functions use a new variable.`,
    example: 'The patch swaps two members of `struct mad_limits`, and `static struct mad_limits limits;` is in use.',
    what: ({ type, variables }: { type: string; variables: readonly string[] }) =>
      `${listed(variables)} in memory ${variables.length === 1 ? 'holds' : 'hold'} ${type}, which the patch lays out anew`,
  },
  'type-layout-shared': {
    stage: 'objects',
    severity: 'warning',
    title: 'Types laid out anew that other code knows',
    why: 'These functions are not part of the livepatch, and were compiled with the old layout. They get objects of the new one.',
    fix: SHADOW,
    example:
      'The patch adds a member to `struct mad_request`, which a changed function passes to `mad_core_post()` of another module.',
    what: ({ type, functions }: { type: string; functions: readonly string[] }) =>
      `${type}, which the patch lays out anew, is handed to ${listed(functions)}`,
  },
  'enum-values-changed': {
    stage: 'objects',
    severity: 'warning',
    title: 'Enumerators with other numbers',
    why: 'Numbers that were stored before patching keep their old meaning, and so does code that the livepatch does not replace.',
    fix: 'Put new enumerators behind those that are there.',
    example: 'The patch puts `MAD_PAUSED` between `MAD_IDLE` and `MAD_BUSY`. At the end it does no harm.',
    what: ({ type, values }: EnumValues) => `${type}: ${plural(values.length, 'enumerator')} of another number`,
    more: ({ values, path, objects }: EnumValues) => [
      ...shortened(values.map(({ member, original, patched }) => `${member} is ${patched}, was ${original}`)),
      `reached from ${path.join(' -> ')} (${listed(objects)})`,
    ],
  },
  'type-layout-unknown': {
    stage: 'objects',
    severity: 'warning',
    title: 'Types that cannot be compared',
    why: 'The patch changes more than functions, and whether a type is laid out anew is read from debug data, which the configuration leaves out (CONFIG_DEBUG_INFO) or puts where kptool does not read them (split DWARF, zstd).',
    fix: 'Look whether the patch changes a struct, union or enum that objects in memory have.',
    example: 'A patch to a header, on a kernel without `CONFIG_DEBUG_INFO`.',
    what: ({ objects }: { objects: readonly string[] }) =>
      `Whether the patch lays out a type anew cannot be told: no debug data in ${listed(objects)}`,
  },
  'export-version-changed': {
    stage: 'objects',
    severity: 'error',
    title: 'Checksums of exported symbols that the livepatch uses',
    why: 'The checksum covers the types that the symbol is declared with. Modules built with the old ones would call the new code with other types than it expects.',
    fix: 'Leave the types of exported symbols as they are; shadow variables (klp_shadow_alloc) can hold new members. An #include that only shows a type belongs between `#ifndef __GENKSYMS__` and `#endif`.',
    because: (details: ChangedVersion) => becauseOf(details),
    advice: (details: ChangedVersion) => adviceFor(details),
    example: 'The patch adds a member to a struct that `ib_mad_send()`, exported and changed, takes a pointer to.',
    what: ({ symbol, module }: ChangedVersion) =>
      `The patch changes the checksum of ${symbol}, which ${module} exports and the livepatch uses`,
    more: (details: ChangedVersion) => describeVersion(details),
  },
  'export-version-changed-unused': {
    stage: 'objects',
    severity: 'warning',
    title: 'Checksums of exported symbols beside the livepatch',
    why: 'The livepatch does not use the symbol, but some type that it is declared with is another one after the patch.',
    fix: 'Leave the types of exported symbols as they are. An #include that only shows a type belongs between `#ifndef __GENKSYMS__` and `#endif`.',
    because: (details: ChangedVersion) => becauseOf(details),
    advice: (details: ChangedVersion) => adviceFor(details),
    example: 'An added `#include` completes a type that an exported function takes, which the patch does not change.',
    what: ({ symbol, module }: ChangedVersion) =>
      `The patch changes the checksum of ${symbol}, which ${module} exports`,
    more: (details: ChangedVersion) => describeVersion(details),
  },
  'export-version-foreign': {
    stage: 'objects',
    severity: 'warning',
    title: 'Checksums that differ from the running module’s already',
    why: 'The types that the symbol is declared with differ, so the module was built from another source or configuration, or with other headers.',
    fix: 'Check that the tree is the source of the running module, and that the make variables are those it was built with.',
    example: 'The module that runs was built from an older version of the tree.',
    what: ({ symbol, module }: Version) =>
      `The checksum of ${symbol} is another one in ${module} as it runs than in a module built from the unpatched source`,
    more: (details: Version) => describeVersion({ ...details, includes: [] }),
  },
} satisfies Readonly<Record<string, Rule>>;

export const typeRuleMessages = messagesOfRules(typeRules);

function describeMember({ member, original, patched }: Layout['members'][number]): string {
  if (original === undefined) return `${member}: new, ${placeOf(patched)}`;
  if (patched === undefined) return `${member}: gone, was ${placeOf(original)}`;
  return `${member}: ${placeOf(patched)}, was ${placeOf(original)}`;
}

/** `at 16, 8 bytes`; `at 20, bit 3, 5 bits`. */
function placeOf(place: MemberPlace | undefined): string {
  if (place === undefined) return '';
  const { start, width } = place;
  const isField = start % 8 !== 0 || (width ?? 0) % 8 !== 0;
  const at = `at ${Math.floor(start / 8)}${isField ? `, bit ${start % 8}` : ''}`;
  if (width === undefined) return at;
  return `${at}, ${isField ? plural(width, 'bit') : plural(width / 8, 'byte')}`;
}

/** The layouts decide where they are known, and the patch's includes where they are not. */
function becauseOf({ includes, types }: ChangedVersion): string {
  if (types !== undefined && types.changed.length > 0) return `Another layout has ${listed(types.changed)}.`;
  if (types !== undefined && types.completed.length > 0) {
    return `No layout changes: the patch only shows the members of ${listed(types.completed)}, known by name before.`;
  }
  if (includes.length === 0) return 'The patch adds no #include, so it changes one of these types itself.';
  return 'The patch adds an #include, which changes the checksum also where it only shows the members of a structure that was known by name before.';
}

function adviceFor({ includes, types }: ChangedVersion): string {
  const keepTypes =
    'Leave the types of exported symbols as they are; shadow variables (klp_shadow_alloc) can hold new members.';
  const hide = 'put it between #ifndef __GENKSYMS__ and #endif: the checksum then stays.';
  if (types !== undefined && types.changed.length > 0) return keepTypes;
  if (includes.length === 0) return keepTypes;
  if (types !== undefined && types.completed.length > 0) return `The #include changes no type: ${hide}`;
  return `If the #include changes no type but only shows it, ${hide} Otherwise leave the types of exported symbols as they are.`;
}

function describeVersion(details: ChangedVersion): string[] {
  const hex = (crc: number) => `0x${crc.toString(16).padStart(8, '0')}`;
  return [
    `${details.module} as it runs: ${hex(details.expected)}; ${details.object} as built: ${hex(details.found)}`,
    ...shortened(details.includes),
  ];
}
