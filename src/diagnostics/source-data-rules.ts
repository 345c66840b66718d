/** The texts of the rules about data and types, and what is exported; decided from the source of a patch. */
import { at, listed, type Place, type Rule } from './rule.js';

export const sourceDataRules = {
  'initial-value-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Initial values of data in memory',
    why: 'Data keeps the value that it has in memory; a livepatch replaces functions. The build refuses the change, unless all users of the data are functions that can be replaced and the data is constant.',
    fix: 'Set the value in a pre-patch callback, or let the changed functions use new data.',
    example: '`static int mad_limit = 5;` becomes `= 7`. A new variable with an initial value is fine.',
    what: (details: Place & { variable: string; cannotTell?: string }) =>
      `${at(details)}: the patch ${details.cannotTell === undefined ? 'changes' : 'may change'} the initial value of ${details.variable}`,
  },
  'data-type-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Data that gets another type or place',
    why: 'The variable stays in memory as it is, with its old size, in its old section. The build refuses the change, unless the data is constant and all its users are replaced.',
    fix: 'Leave its declaration as it was and let the changed functions use a new variable, or keep the new state in a shadow variable.',
    example: '`static int mad_map[4];` becomes `[8]`, or `const`.',
    what: (details: Place & { variable: string; before: string; after: string }) =>
      `${at(details)}: the patch declares ${details.variable} otherwise: "${details.before}" becomes "${details.after}"`,
  },
  'static-local-dropped': {
    stage: 'source',
    severity: 'warning',
    title: 'Static locals that go away',
    why: 'A static local holds a value that the running function still has. Without its twin the build cannot tell whether the variable was renamed or dropped on purpose, and refuses where it carries state.',
    fix: 'Keep its declaration and a use of it, `(void)NAME;`, or keep its name.',
    example: 'A hunk takes `static int count;` out of a function that stays.',
    what: (details: Place & { variable: string; functionName: string; renamed?: string }) =>
      details.renamed === undefined
        ? `${at(details)}: the patch takes the static local ${details.variable} out of ${details.functionName}`
        : `${at(details)}: the patch renames the static local ${details.variable} of ${details.functionName} to ${details.renamed}`,
  },
  'static-local-retyped': {
    stage: 'source',
    severity: 'warning',
    title: 'Static locals that get another type',
    why: 'The running function keeps the variable as it is. The build refuses another size, and cannot see another meaning of the same size.',
    fix: 'Leave the variable as it was and add one with a new name.',
    example: '`static u8 count;` becomes `static u32 count;` in a function that stays.',
    what: (details: Place & { variable: string; functionName: string; before: string; after: string }) =>
      `${at(details)}: the static local ${details.variable} of ${details.functionName} was "${details.before.replace('@', details.variable)}" and becomes "${details.after.replace('@', details.variable)}"`,
  },
  'static-local-added': {
    stage: 'source',
    severity: 'warning',
    title: 'New static locals',
    why: 'Its value begins anew with each livepatch: one that replaces this one has a variable of its own, and so has the target when the livepatch is disabled.',
    fix: 'Nothing, if the value may be lost. Otherwise keep it in a shadow variable, which livepatches share.',
    example:
      'A hunk adds `static int count;` to a function. Constant ones, and the flags of `WARN_ONCE` and its like, hold nothing that matters.',
    what: (details: Place & { variable: string; functionName: string }) =>
      `${at(details)}: the patch adds the static local ${details.variable} to ${details.functionName}`,
  },
  'type-layout-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Structures and unions that change',
    why: 'Objects of this type that exist have the old layout, and so does all code that the patch does not change. The build cannot tell which of them meet.',
    fix: 'Keep what is new in a shadow variable (klp_shadow_alloc), or make sure that all users are replaced and no object is older than the livepatch.',
    example: 'A hunk adds a member to `struct mad`.',
    what: (details: Place & { type: string }) => `${at(details)}: the patch changes ${details.type}`,
  },
  'enumerators-renumbered': {
    stage: 'source',
    severity: 'warning',
    title: 'Enumerators that get other values',
    why: 'Data in memory and code that the patch does not change go on with the old numbers.',
    fix: 'Add new enumerators at the end, or give them values of their own.',
    example: 'A hunk puts `MAD_LOST` in front of `MAD_DONE` in an `enum`. At the end it is fine.',
    what: (details: Place & { enumerators: readonly string[] }) =>
      `${at(details)}: the patch gives ${listed(details.enumerators)} another value`,
  },
  'include-beside-exports': {
    stage: 'source',
    severity: 'warning',
    title: 'A new include in a file that exports symbols',
    why: 'The checksum of an exported symbol covers all types that are known at its place. A header that completes a type changes the checksum, although nothing else has changed, and modules are then refused.',
    fix: 'Put the include between `#ifndef __GENKSYMS__` and `#endif`, or declare what is needed of it.',
    example: 'A hunk adds `#include "mad_rmpp.h"` to a file with `EXPORT_SYMBOL(ib_mad_send);`.',
    what: (details: Place & { include: string; exports: number }) =>
      `${at(details)}: the patch adds ${details.include} to a file with ${details.exports} exported symbol${details.exports === 1 ? '' : 's'}`,
  },
} satisfies Readonly<Record<string, Rule>>;
