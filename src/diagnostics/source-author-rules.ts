/** The texts of the rules about what the author of a patch adds for the livepatch: callbacks, shadow variables; decided from the source of a patch. */
import { at, type Place, type Rule } from './rule.js';

export const sourceAuthorRules = {
  'callback-unpaired': {
    stage: 'source',
    severity: 'warning',
    title: 'Callbacks without their counterpart',
    why: 'What a pre-patch callback sets up, a post-unpatch callback has to take down when the livepatch is disabled; what a post-patch callback does, a pre-unpatch callback.',
    fix: 'Add the counterpart, or say in the patch why none is needed.',
    example: '`KPATCH_PRE_PATCH_CALLBACK(setup)` without `KPATCH_POST_UNPATCH_CALLBACK`.',
    what: (details: Place & { macro: string; missing: string }) =>
      `${at(details)}: ${details.macro} without ${details.missing}`,
  },
  'callback-repeated': {
    stage: 'source',
    severity: 'error',
    title: 'Two callbacks of one kind',
    why: 'The kernel calls one callback of a kind for each module, however many source files it is made from.',
    fix: 'Name one of them in the patch, and let it call the others.',
    example: '`KPATCH_PRE_PATCH_CALLBACK` twice in a patch to one module.',
    what: (details: Place & { macro: string; first: Place }) =>
      `${at(details)}: ${details.macro} again, after ${at(details.first)}`,
  },
  'callback-unfit': {
    stage: 'source',
    severity: 'error',
    title: 'Callbacks that cannot be called',
    why: 'The livepatch core calls a function that the livepatch brings along, with one argument, whenever the target is loaded or goes. Only pre-patch callbacks return something.',
    fix: 'Write a new function in this file: `int NAME(patch_object *)` for pre-patch, `void NAME(patch_object *)` for the others, not __init.',
    example: '`static void setup(patch_object *obj)` as a pre-patch callback; a function that was there before.',
    what: (details: Place & { macro: string; functionName: string; problem: string }) =>
      `${at(details)}: ${details.functionName}, given to ${details.macro}, ${details.problem}`,
  },
  'callback-not-repeatable': {
    stage: 'source',
    severity: 'warning',
    title: 'Callbacks that add up',
    why: 'A livepatch that replaces this one brings the callback along, as a rule, and it runs again while the effect of the first time is still there.',
    fix: 'Set a value instead of changing it by itself, or ask first whether it has been done.',
    example: '`mad_limit += 2;` in a pre-patch callback. `mad_limit = 7;` is fine.',
    what: (details: Place & { macro: string; functionName: string; variable: string }) =>
      `${at(details)}: ${details.functionName}, given to ${details.macro}, changes ${details.variable} by its own value`,
  },
  'shadow-variable-kept': {
    stage: 'source',
    severity: 'warning',
    title: 'Shadow variables that nobody frees',
    why: 'A shadow variable lives until it is freed, also when its object and the livepatch are gone; the next user of the same address finds it.',
    fix: 'Call klp_shadow_free where the object is freed, or klp_shadow_free_all in a post-unpatch callback.',
    example: '`klp_shadow_alloc(mad, 1, …)` in a patch without any `klp_shadow_free`.',
    what: (details: Place & { functionName: string }) =>
      `${at(details)}: ${details.functionName} makes shadow variables, and the patch frees none`,
  },
  'shadow-id-shared': {
    stage: 'source',
    severity: 'warning',
    title: 'Two shadow variables of one id',
    why: 'A shadow variable is found by its object and its id. Two kinds of one id are taken for each other where they hang on the same object.',
    fix: 'Give each kind a number of its own.',
    example:
      '`klp_shadow_alloc(mad, 1, sizeof(u32), …)` and `klp_shadow_alloc(mad, 1, sizeof(struct rmpp), …)` in one patch.',
    what: (details: Place & { id: string; uses: readonly string[] }) =>
      `${at(details)}: the id ${details.id} stands for ${details.uses.join(', and for ')}`,
  },
  'force-unsafe-used': {
    stage: 'source',
    severity: 'warning',
    title: 'Functions that are forced',
    why: 'The author vouches that old and new code of the function may run side by side. Kernels since 4.16 cannot be told so of one function, only of a livepatch, which can then never be unloaded.',
    fix: 'Check the claim. Without need for it take the macro out.',
    example: '`KPATCH_FORCE_UNSAFE(mad_loop);`',
    what: (details: Place & { functionName: string }) => `${at(details)}: KPATCH_FORCE_UNSAFE(${details.functionName})`,
  },
} satisfies Readonly<Record<string, Rule>>;
