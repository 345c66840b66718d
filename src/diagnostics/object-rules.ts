/** The rules about functions and symbols that are decided when the objects of both sides have been compared. */
import { plural, shortened } from './name-lists.js';
import { listed, messagesOfRules, type Rule } from './rule.js';

/** Why the comparison says that a function changed; `diff/explain.ts` has the kinds. */
interface Reason {
  readonly kind: string;
  /** `mad_show+0x23`, where an instruction tells it. */
  readonly place?: string | undefined;
  readonly original?: string | undefined;
  readonly patched?: string | undefined;
}

interface InliningChange {
  readonly functions: readonly { readonly name: string; readonly reason: Reason }[];
  readonly callee: string;
  readonly isInlined: boolean;
}

interface ClonesLeft {
  readonly clone: string;
  readonly functionName: string;
  readonly module: string;
  /** Empty where they are not known. */
  readonly callers: readonly string[];
}

interface CopiesLeft {
  readonly functionName: string;
  readonly module: string;
  /** In the module as it runs, and among the objects that were compiled. */
  readonly found: number;
  readonly replaced: number;
}

interface NamespaceUse {
  readonly module: string;
  readonly namespace: string;
  readonly symbols: readonly string[];
}

export const objectRules = {
  'inlining-changed': {
    stage: 'objects',
    severity: 'warning',
    title: 'Functions inlined in one build only',
    why: 'The compiler weighs anew what it inlines when a callee grows or loses a caller. The function is replaced too, although the patch does not touch it.',
    fix: 'Nothing, if one function more in the livepatch is no concern. Otherwise mark the callee `noinline`, or `__always_inline`, as it was compiled before.',
    example: 'The patch makes `mad_check()` longer, and `mad_show()`, which had it inlined, now calls it.',
    what: ({ functions, callee, isInlined }: InliningChange) => {
      const names = listed(functions.map(({ name }) => name));
      const change = functions.length === 1 ? 'changes' : 'change';
      return isInlined
        ? `${names} ${change}, since ${callee}, which was called there, is now inlined`
        : `${names} ${change}, since ${callee}, which was inlined there, is now called`;
    },
    more: ({ functions }: InliningChange) => shortened(functions.flatMap(({ reason }) => describeReason(reason))),
  },
  'clone-changed': {
    stage: 'objects',
    severity: 'warning',
    title: 'Clones that come or go',
    why: 'gcc makes copies of a function for some of its callers (.isra, .constprop, .part), and another choice of copies changes all of these callers, although the patch does not touch them.',
    fix: 'Nothing, if some functions more in the livepatch are no concern. Otherwise leave the function as it is and let the changed code call a new one of another name.',
    example:
      'The patch drops the last use of a parameter of `mad_check()`, and its callers now call `mad_check.isra.0`.',
    what: ({ clones, callers }: { clones: string; callers: readonly string[] }) =>
      `${listed(callers)} ${callers.length === 1 ? 'changes' : 'change'}, since another clone is called: ${clones}`,
  },
  'function-changed-unexpectedly': {
    stage: 'objects',
    severity: 'warning',
    title: 'Functions that change although the patch does not touch them',
    why: 'The patch changes neither the function nor one that is inlined there, nor a macro or a type. Something else makes the compiler do it otherwise, and that may not be what is meant.',
    fix: 'Look at the first difference. Where it is no change of behaviour, KPATCH_IGNORE_FUNCTION of kpatch-macros.h leaves the function out.',
    example: 'A `__LINE__` in a form that kptool does not recognise.',
    what: ({ functionName }: { functionName: string; reason: Reason }) =>
      `${functionName} changes, although the patch touches neither it nor what is inlined there`,
    more: ({ reason }: { functionName: string; reason: Reason }) => describeReason(reason),
  },
  'clone-left-behind': {
    stage: 'objects',
    severity: 'error',
    title: 'Clones of a changed function that stay in use',
    why: 'gcc made copies of the function (.isra, .constprop, .part), and those that the livepatch does not replace go on doing what the function did before.',
    fix: 'Let the patch change the callers of the copy as well, so that they are replaced. KPATCH_IGNORE_FUNCTION of one that calls it must go.',
    example:
      '`mad_check.constprop.0` goes away with the patch, and a caller that KPATCH_IGNORE_FUNCTION leaves out still calls it.',
    what: ({ clone, functionName }: ClonesLeft) => `${clone}, a copy of the changed ${functionName}, stays in use`,
    more: ({ callers, module }: ClonesLeft) =>
      callers.length > 0
        ? [`called by ${listed(callers)}, which the livepatch does not replace`]
        : [`${module} has it; the objects as built do not, and which functions call it there is not known`],
  },
  'copy-left-behind': {
    stage: 'objects',
    severity: 'warning',
    title: 'Copies of a header’s function in other objects',
    why: 'Each object that includes the header has its own copy of a function that is not inlined. Those of objects that were not compiled stay as they are.',
    fix: 'Check whose the other copies are (readelf -s). If they come from the same header, make the function in the header another one, of a new name, and use it where it is needed.',
    example:
      'The patch changes `static inline void mad_put()` in a header, and an object that no makefile of the tree names has a copy.',
    what: ({ functionName, module, found, replaced }: CopiesLeft) =>
      `${module} has ${plural(found, 'function')} ${functionName}, and ${replaced} of them ${replaced === 1 ? 'was' : 'were'} compiled again`,
  },
  'removed-function-in-use': {
    stage: 'objects',
    severity: 'warning',
    title: 'Removed functions that are still called',
    why: 'A livepatch takes nothing away: the function stays as it was, and callers that are not replaced go on calling it.',
    fix: 'Nothing, if the old function may go on. Otherwise keep a function of that name that does what is right.',
    example: 'The patch removes `mad_flush()`, and an object outside of the patch calls it.',
    what: ({ functionName, module, callers }: { functionName: string; module: string; callers: readonly string[] }) =>
      `The patch removes ${functionName}, which ${listed(callers)} of ${module} still ${callers.length === 1 ? 'uses' : 'use'}`,
  },
  'namespace-not-imported': {
    stage: 'objects',
    severity: 'warning',
    title: 'Symbols of a namespace that the module has not imported',
    why: 'The livepatch imports the namespace itself and can be loaded. The module that is built from the patched source cannot, before it says that it uses the symbols.',
    fix: 'Add MODULE_IMPORT_NS of the namespace to the patched source.',
    advice: ({ namespace }: NamespaceUse) =>
      `Add MODULE_IMPORT_NS(${namespace}); to the patched source (MODULE_IMPORT_NS("${namespace}"); since Linux 6.13).`,
    example: 'A changed function newly calls `dma_buf_get()`, which is in the namespace `DMA_BUF`.',
    what: ({ module, symbols, namespace }: NamespaceUse) =>
      `The patch makes ${module} use ${listed(symbols)} of the namespace ${namespace}, which ${module} does not import`,
  },
} satisfies Readonly<Record<string, Rule>>;

export const objectRuleMessages = messagesOfRules(objectRules);

function describeReason({ kind, place, original, patched }: Reason): string[] {
  if (place === undefined) return [`why: ${kind}`];
  return [`why: ${kind}, first seen at ${place}: ${original ?? 'nothing'} -> ${patched ?? 'nothing'}`];
}
